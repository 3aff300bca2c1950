"""That Optuna opens what mixmatch exports: its studies have as many trials and the same best value.

    python optuna_oracle.py MIXMATCH STUDY
"""
import csv
import subprocess
import sys
import tempfile

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

program, study = sys.argv[1:]
with tempfile.TemporaryDirectory() as folder:
    subprocess.run([program, "export", study, "--format", "optuna", "-o", folder + "/journal.log"], check=True)
    subprocess.run([program, "export", study, "--format", "csv", "-o", folder + "/trials.csv"], check=True)
    with open(folder + "/trials.csv", newline="") as f:
        rows = list(csv.DictReader(f))
    storage = JournalStorage(JournalFileBackend(folder + "/journal.log"))
    names = optuna.get_all_study_names(storage)
    assert names, "no studies"
    for name in names:
        search = name.rpartition("/")[2]
        own = [r for r in rows if r["search"] == search]
        s = optuna.load_study(study_name=name, storage=storage)
        assert s.direction == optuna.study.StudyDirection.MINIMIZE
        assert len(s.trials) == len(own), (name, len(s.trials), len(own))
        for t, r in zip(s.trials, own):
            assert t.value == float(r["value"]) and t.user_attrs["sampler"] == r["sampler"], (name, t.number)
            assert t.params == {k: float(v) for k, v in r.items() if k.startswith("step ") and v}, (name, t.number)
        best = min(own, key=lambda r: float(r["value"]))
        assert s.best_value == float(best["value"]) and s.best_trial.number == int(best["trial"]), name
        low = s.user_attrs.get("ceiling")
        assert low is None or s.best_value >= low - 1e-12, name
    print("Optuna %s: %d studies, %d trials, the same best values" % (optuna.__version__, len(names), len(rows)))
