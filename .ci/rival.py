"""Times the attention similarity of two models in PyTorch, as similar.py computes it (all 16 blocks), files read whole.

Usage: similar_rival.py A.safetensors B.safetensors   (needs torch and safetensors; see make rival)
Our own few lines, to be run beside `mixmatch compare -a A B` on one machine: the ratio is what counts.
"""
import sys, time
import torch
from safetensors.torch import load_file

BLOCKS = [f"input_blocks.{i}.1" for i in (1, 2, 4, 5, 7, 8)] + ["middle_block.1"] + [f"output_blocks.{i}.1" for i in range(3, 12)]


def layer(weight):
    d = weight.shape[0]
    linear = torch.nn.Linear(d, d, bias=False)
    linear.weight.data = weight
    return linear


def attention(model, block, x):
    key = f"model.diffusion_model.{block}.transformer_blocks.0.attn1.to_%s.weight"
    q, k, v = (layer(model[key % n].float())(x) for n in "qkv")
    return torch.softmax(q @ k.T, dim=-1) * v.sum(0)


def main(a, b):
    start = time.time()
    torch.manual_seed(114514)
    models = [load_file(a), load_file(b)]
    loaded = time.time() - start
    with torch.no_grad():
        for block in BLOCKS:
            d = models[0][f"model.diffusion_model.{block}.transformer_blocks.0.attn1.to_q.weight"].shape[0]
            x = torch.randn(d, d)
            one, two = (attention(m, block, x) for m in models)
            torch.nn.functional.cosine_similarity(one, two).mean().item()
    print(f"torch {torch.__version__}: {time.time() - start:.2f} s, of which reading {loaded:.2f} s")


main(*sys.argv[1:])
