"""Runs similar.py and `mixmatch compare` in turns on two models, whole processes, and compares speed and numbers.

Usage: rival.py MIXMATCH A.safetensors B.safetensors [similar.py]   (see make rival)

Without the path of sd-cosine-similarity's similar.py, a few lines of our own take its place: the same
computation in PyTorch, without its table. Numbers are compared with similar.py's as they are, and with MKL held
to AVX2, whose order of sums ours is.
"""
import os, re, statistics, subprocess, sys, time

BLOCKS = [f"input_blocks.{i}.1" for i in (1, 2, 4, 5, 7, 8)] + ["middle_block.1"] + [f"output_blocks.{i}.1" for i in range(3, 12)]
AVX2 = {"MKL_ENABLE_INSTRUCTIONS": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}
TURNS = 7


def stand_in(a, b):
    import torch
    from safetensors.torch import load_file

    def layer(weight):
        linear = torch.nn.Linear(*weight.shape, bias=False)
        linear.weight.data = weight
        return linear

    def attention(model, block, x):
        key = f"model.diffusion_model.{block}.transformer_blocks.0.attn1.to_%s.weight"
        q, k, v = (layer(model[key % n].float())(x) for n in "qkv")
        return torch.softmax(q @ k.T, dim=-1) * v.sum(0)

    torch.manual_seed(114514)
    models = [load_file(a), load_file(b)]
    with torch.no_grad():
        for block in BLOCKS:
            d = models[0][f"model.diffusion_model.{block}.transformer_blocks.0.attn1.to_q.weight"].shape[0]
            x = torch.randn(d, d)
            one, two = (attention(m, block, x) for m in models)
            print(f"{torch.nn.functional.cosine_similarity(one, two).mean() * 1e2:8.4f}%")


def run(command, **env):
    start = time.time()
    out = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, **env}).stdout
    return time.time() - start, re.findall(r"-?[\d.]+%", out)


def main(mixmatch, a, b, similar=None):
    commands = {
        "similar.py": [sys.executable, similar, "-a", a, b] if similar else [sys.executable, __file__, "--stand-in", a, b],
        "mixmatch": [mixmatch, "compare", "-a", a, b],
    }
    times = {name: [] for name in commands}
    for i in range(1 + TURNS):  # the first warms the page cache
        for name, command in commands.items():
            times[name].append(run(command)[0])
    for name in commands:
        times[name] = times[name][1:]
        print(f"{name:10}  median {statistics.median(times[name]):.2f} s, {min(times[name]):.2f} to {max(times[name]):.2f}")
    ratios = sorted(s / m for s, m in zip(*times.values()))
    print(f"ratio       median {statistics.median(ratios):.2f}, {ratios[0]:.2f} to {ratios[-1]:.2f}")
    if similar:
        ours = run(commands["mixmatch"])[1]
        for name, env in ("as it is", {}), ("with AVX2", AVX2):
            theirs = run(commands["similar.py"], **env)[1]
            print(f"numbers     {sum(x != y for x, y in zip(ours, theirs))} of {len(theirs)} differ from similar.py {name}, counts equal: {len(ours) == len(theirs)}")


if sys.argv[1] == "--stand-in":
    stand_in(*sys.argv[2:])
else:
    main(*sys.argv[1:])
