"""Has other programs read what mixmatch writes; see readers.sh."""

import json
import os
import pathlib
import subprocess
import sys

import safetensors.torch
import torch

FOLDER = pathlib.Path(sys.argv[1]).resolve()
TOLERANCE = 3e-6  # float32, a few operations


class Quiet:
    """A progress bar that shows nothing."""

    def __init__(self, *args, **kwargs):
        pass

    def __getattr__(self, name):
        return lambda *args, **kwargs: None

    def __enter__(self):
        return self

    def __exit__(self, *args):
        pass


def models(case, expect):
    """Source i holds the i-th unit vector under every key, so that a merge of
    the sources holds their weights."""
    folder = FOLDER / f"{case}-models"
    folder.mkdir(exist_ok=True)
    n = len(expect["sources"])
    for i, name in enumerate(expect["sources"]):
        tensors = {k: torch.eye(n)[i].clone() for k in expect["keys"]}
        safetensors.torch.save_file(tensors, folder / f"{name}.safetensors")
    return folder


def compare(what, got, expect):
    worst, at = 0.0, ""
    for key, weights in expect["keys"].items():
        if key not in got:
            raise SystemExit(f"{what}: no {key}")
        d = (got[key].double() - torch.tensor(weights, dtype=torch.float64)).abs()
        scale = max(1.0, max(abs(w) for w in weights))
        if float(d.max()) / scale > worst:
            worst, at = float(d.max()) / scale, key
    print(f"{what}: {len(expect['keys'])} keys, worst difference {worst:.1e} {at}", flush=True)
    return worst <= TOLERANCE


def mecha(case, folder, expect):
    import sd_mecha

    os.chdir(folder)  # relative names are looked for here too
    recipe = sd_mecha.deserialize((FOLDER / f"{case}.mecha").read_text())
    out = FOLDER / f"{case}-mecha.safetensors"
    sd_mecha.merge(recipe, output=out, merge_device="cpu", merge_dtype=torch.float32, output_dtype=torch.float32,
                   strict_mandatory_keys=False, check_extra_keys=False, threads=1, tqdm=Quiet)
    return safetensors.torch.load_file(out)


def mergekit(case, folder, expect):
    out = FOLDER / f"{case}-mergekit"
    run = subprocess.run([sys.executable, "-c", "from mergekit.scripts.merge_raw_pytorch import main; main()",
                          str(FOLDER / f"{case}.yml"), str(out)], cwd=folder, capture_output=True, text=True)
    if run.returncode:
        raise SystemExit(f"mergekit: {run.stderr[-2000:]}")
    got = {}
    for f in sorted(out.glob("*.safetensors")):
        got.update(safetensors.torch.load_file(f))
    return got


def schema():
    try:
        import jsonschema
    except ImportError:
        print("jsonschema is not installed: the schema was not tried")
        return True
    s = json.loads((FOLDER / "recipe.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(s)
    for f in sorted(FOLDER.glob("case-*.json")):
        jsonschema.Draft202012Validator(s).validate(json.loads(f.read_text()))
    print("jsonschema: all documents are valid")
    return True


good = schema()
for file in sorted(FOLDER.glob("case-*.expect")):
    case, expect = file.stem, json.loads(file.read_text())
    folder = models(case, expect)
    for reader in (mecha, mergekit):
        good &= compare(f"{case} {reader.__name__}", reader(case, folder, expect), expect)
sys.exit(not good)
