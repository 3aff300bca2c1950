"""Writes files with torch.save, and what torch says is in them: torchfiles.py DIRECTORY

Each FILE is followed by FILE.json: the tensors of the model by name, each with its
dtype, shape and numbers (in hexadecimal, row by row, lowest byte first); or why it
is to be refused. The files in merge/checkpoint/torch/testdata are from here.
"""

import collections
import json
import os
import random
import sys
import warnings

import numpy
import torch

warnings.filterwarnings("ignore")
torch.manual_seed(1)
random.seed(1)

NEW = torch.__version__ >= "2"
NAMES = {
    getattr(torch, name): ours
    for name, ours in {
        "float32": "F32", "float16": "F16", "bfloat16": "BF16", "float64": "F64",
        "int64": "I64", "int32": "I32", "int16": "I16", "int8": "I8", "uint8": "U8", "bool": "BOOL", "complex64": "C64",
        "float8_e4m3fn": "F8_E4M3", "float8_e5m2": "F8_E5M2", "float8_e4m3fnuz": "F8_E4M3FNUZ", "float8_e5m2fnuz": "F8_E5M2FNUZ",
        "float8_e8m0fnu": "F8_E8M0", "uint16": "U16", "uint32": "U32", "uint64": "U64",
    }.items()
    if hasattr(torch, name)  # old ones lack some
}  # fmt: skip


def numbers(t):
    """The numbers of t in the order of its shape, as bytes."""
    row = torch.empty(t.numel(), dtype=t.dtype).copy_(t.detach().reshape(-1))
    return bytes(row.view(torch.uint8).tolist())


def flat(d, prefix=""):
    """The tensors of d and of the dictionaries in it."""
    for k, v in d.items():
        if isinstance(v, torch.Tensor):
            yield prefix + k, v
        elif isinstance(v, dict):
            yield from flat(v, prefix + k + ".")


def write(name, obj, model=None, refused=None, **options):
    """Saves obj, whose model is what model(obj) returns, and reads it back."""
    path = os.path.join(sys.argv[1], name)
    torch.save(obj, path, **options)
    expected = {"torch": torch.__version__.split("+")[0]}
    if refused:
        expected["refused"] = refused
    else:
        read = torch.load(path, map_location="cpu", weights_only=False)
        expected["tensors"] = {
            k: {"dtype": NAMES[t.dtype], "shape": list(t.shape), "bytes": numbers(t).hex()} for k, t in flat(model(read) if model else read)
        }
    note(name, expected)


def note(name, expected):
    with open(os.path.join(sys.argv[1], name + ".json"), "w") as f:
        json.dump(expected, f, indent=1)
        f.write("\n")


def state():
    """A state dict of all that the formats of a model can be."""
    sd = collections.OrderedDict()
    layer = torch.nn.Linear(4, 3)
    sd["weight"] = layer.weight.data
    sd["parameter"] = layer.bias
    sd["half"] = torch.randn(3, 2).half()
    sd["bf16"] = torch.randn(5).bfloat16()
    sd["double"] = torch.randn(2, 2).double()
    sd["ids"] = torch.arange(9).expand(1, -1)
    sd["bool"] = torch.tensor([True, False, True])
    for d in (torch.int32, torch.int16, torch.int8, torch.uint8):
        sd[str(d)[6:]] = torch.randint(0, 100, (3,)).to(d)
    sd["scalar"] = torch.tensor(3.25)
    sd["empty"] = torch.zeros(0, 3)
    # Views of others.
    sd["shared"] = sd["weight"]
    sd["part"] = sd["weight"][1:]
    sd["column"] = sd["weight"][:, 2]
    sd["transposed"] = torch.randn(2, 5).t()
    sd["expanded"] = torch.randn(3, 1).expand(3, 4)
    sd["permuted"] = torch.randn(2, 3, 2, 2).half().permute(2, 0, 3, 1)
    sd["channels last"] = torch.randn(2, 3, 2, 2).to(memory_format=torch.channels_last)
    return sd


def lightning():
    """What a training leaves behind, with numpy in it as in old ones."""
    optimizer = {"state": {0: {"step": 5, "exp_avg": torch.zeros(3)}}, "param_groups": [{"lr": numpy.float64(1e-4), "betas": (0.9, 0.999), "params": [0]}]}
    return {
        "epoch": 3, "global_step": 470000, "pytorch-lightning_version": "1.4.2", "state_dict": state(),
        "callbacks": {"best": numpy.float32(0.5), "seen": {1, 2}, "scores": numpy.arange(3)},
        "optimizer_states": [optimizer], "lr_schedulers": [],
    }  # fmt: skip


def views(n):
    """Views of storages, cut, turned and repeated at random."""
    sd = {}
    for i in range(n):
        shape = [random.randint(1, 9) for _ in range(random.randint(1, 4))]
        t = torch.randn(shape).to(random.choice([torch.float32, torch.float16, torch.int64, torch.uint8]))
        for _ in range(random.randint(1, 4)):
            d = random.randrange(t.dim()) if t.dim() else None
            what = random.choice(["permute", "slice", "step", "select", "expand"])
            if what == "permute":
                t = t.permute(random.sample(range(t.dim()), t.dim()))
            elif d is not None and what == "slice":
                a = random.randrange(t.shape[d])
                t = t.narrow(d, a, random.randint(1, t.shape[d] - a))
            elif d is not None and what == "step":
                t = t[(slice(None),) * d + (slice(None, None, random.randint(1, 3)),)]
            elif d is not None and what == "select":
                t = t.select(d, random.randrange(t.shape[d]))
            elif what == "expand":
                t = t.unsqueeze(0).expand(random.randint(1, 4), *t.shape)
        sd[f"{i}"] = t
    return sd


os.makedirs(sys.argv[1], exist_ok=True)
write("training.ckpt", lightning(), lambda o: o["state_dict"])
write("legacy.ckpt", lightning(), lambda o: o["state_dict"], _use_new_zipfile_serialization=False)
write("protocol5.pt", state(), pickle_protocol=5)
write("legacy4.pt", state(), pickle_protocol=4, _use_new_zipfile_serialization=False)
more = {str(d)[6:]: torch.randn(4, 2).abs().to(d) for d in NAMES if d not in (torch.float32, torch.float16)}
write("dtypes.pt", {"model": more, "step": 7}, lambda o: o["model"])
typed = {k: t for k, t in more.items() if not k.startswith("float8") and k not in ("uint16", "uint32", "uint64")}  # torch cannot read the others back
write("dtypes-legacy.pt", {"module": typed}, lambda o: o["module"], _use_new_zipfile_serialization=False)
write("nested.bin", {"unet": {"conv": {"weight": torch.randn(2, 2)}}, "vae": {"bias": torch.randn(2)}})
write("views.pt", views(200))
if hasattr(torch.serialization, "set_crc32_options"):
    torch.serialization.set_crc32_options(False)
    write("nocrc.pt", {"weight": torch.randn(2, 2)})
    torch.serialization.set_crc32_options(True)

write("module.pt", torch.nn.Linear(2, 2), refused="a whole module of PyTorch")
write("quantized.pt", {"q": torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8)}, refused="quantized tensors")
write("sparse.pt", {"s": torch.ones(3).to_sparse()}, refused="sparse tensors")
if NEW:
    write("meta.pt", {"m": torch.ones(3, device="meta")}, refused="tensors without numbers")
write("negated.pt", {"n": torch.ones(2, dtype=torch.complex64).conj().imag}, refused=NEW and "negated or conjugated")  # old ones forget it
write("complex.pt", {"c": torch.ones(2, dtype=torch.complex128)}, refused="complex128 numbers")
write("list.pt", [torch.ones(2)], refused="not a state dict, but a list")
torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), os.path.join(sys.argv[1], "script.pt"))
note("script.pt", {"refused": "a TorchScript archive"})
