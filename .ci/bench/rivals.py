"""What other programs make of the work that bench times: one job a process, so that all of it counts.

    rivals.py versions                    what is here, a line each: name, version or "missing"
    rivals.py products THREADS FILE...    inner products of the models, in delta form against the first, float32
    rivals.py torch|sd-mecha|mergekit A B OUT    weighted sum, A x 0.7 + B x 0.3, in float16

products prints the seconds that they took, without those of starting Python.
"""
import importlib.metadata, os, subprocess, sys, tempfile, time

A, B = 0.7, 0.3


def versions():
    for name in "torch", "safetensors", "numpy", "sd-mecha", "mergekit":
        try:
            print(name, importlib.metadata.version(name))
        except importlib.metadata.PackageNotFoundError:
            print(name, "missing")


def products(threads, *paths):
    import torch
    from safetensors import safe_open

    torch.set_num_threads(int(threads))
    start = time.time()
    files = [safe_open(p, "pt") for p in paths]
    keys = set(files[0].keys()).intersection(*(f.keys() for f in files[1:]))
    done = {}
    for key in sorted(keys):
        base = files[0].get_tensor(key)
        if not base.is_floating_point():
            continue
        base = base.float().reshape(-1)
        rows = torch.empty(len(files), base.numel())
        rows[0] = base
        for i, f in enumerate(files[1:], 1):
            torch.sub(f.get_tensor(key).reshape(-1), base, out=rows[i])
        done[key] = rows @ rows.T
    print(time.time() - start)


def by_torch(a, b, out):
    import torch
    from safetensors.torch import load_file, save_file

    one, two = load_file(a), load_file(b)
    mixed = {}
    for key, x in one.items():
        if x.is_floating_point() and key in two:
            x = (x.float() * A + two[key].float() * B).half()
        mixed[key] = x
    save_file(mixed, out, {"format": "pt"})


def by_mecha(a, b, out):
    import sd_mecha, torch

    recipe = sd_mecha.weighted_sum(sd_mecha.model(a), sd_mecha.model(b), alpha=B)
    sd_mecha.merge(recipe, merge_device="cpu", merge_dtype=torch.float32, output_dtype=torch.float16, output=out)


def by_mergekit(a, b, out):
    with tempfile.TemporaryDirectory(dir=os.path.dirname(out)) as folder:
        config = os.path.join(folder, "config.yaml")
        with open(config, "w") as f:
            models = "".join(f"  - model: {m}\n    parameters: {{weight: {w}}}\n" for m, w in ((a, A), (b, B)))
            f.write(f"merge_method: linear\nmodels:\n{models}dtype: float32\nout_dtype: float16\n")
        program = os.path.join(os.path.dirname(sys.executable), "mergekit-pytorch")
        subprocess.run([program, config, os.path.join(folder, "out")], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    jobs = {"versions": versions, "products": products, "torch": by_torch, "sd-mecha": by_mecha, "mergekit": by_mergekit}
    jobs[sys.argv[1]](*sys.argv[2:])
