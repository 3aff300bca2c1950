"""Writes malicious pickles, and shows that they are: hostile.py DIRECTORY

Each makes a file called "was-here" in the working directory of whoever loads it
with Python's pickle, which is checked here, in a folder of its own. The files in
merge/checkpoint/torch/testdata/hostile are from here.
"""

import os
import pickle
import subprocess
import sys
import tempfile

MARK = "was-here"
WRITE = f"open({MARK!r}, 'w').close()"


class Calls:
    """What calls a function when it is loaded."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


def text(*parts):
    return "".join(parts).encode()


def g(name):
    module, _, what = name.rpartition(".")
    return f"c{module}\n{what}\n"


def s(value):
    return f"V{value}\n"


COMMAND = b"U" + bytes([len(MARK) + 6]) + b"touch " + MARK.encode()
CASES = {
    "system": pickle.dumps(Calls(os.system, f"touch {MARK}"), protocol=2),
    "system-0": pickle.dumps(Calls(os.system, f"touch {MARK}"), protocol=0),
    "system-4": pickle.dumps(Calls(os.system, f"touch {MARK}"), protocol=4),
    "exec": pickle.dumps(Calls(exec, WRITE), protocol=2),
    "eval": pickle.dumps(Calls(eval, WRITE), protocol=3),
    "subprocess": pickle.dumps(Calls(subprocess.check_call, ["touch", MARK]), protocol=2),
    "open": pickle.dumps(Calls(open, MARK, "w"), protocol=2),
    # Several steps: import_module("os"), getattr of that, and a call of the result.
    "getattr": b"\x80\x02" + text(g("builtins.getattr"), g("importlib.import_module")) + b"U\x02os\x85RU\x06system\x86R" + COMMAND + b"\x85R.",
    "instance": text("(", s(f"touch {MARK}"), "ios\nsystem\n."),
    "object": text("(", g("os.system"), s(f"touch {MARK}"), "o."),
    # In a dictionary that is otherwise a state dict.
    "in-a-state-dict": pickle.dumps({"state_dict": {"weight": 1}, "epoch": Calls(os.system, f"touch {MARK}")}, protocol=2),
    # Dropped at once, so that what is loaded is an empty dictionary.
    "dropped": b"\x80\x02" + text(g("os.system")) + COMMAND + b"\x85R0}.",
    # Breaks off after the deed.
    "breaks-off": b"\x80\x02" + text(g("os.system")) + COMMAND + b"\x85R\xff",
}

os.makedirs(sys.argv[1], exist_ok=True)
for name, data in CASES.items():
    path = os.path.abspath(os.path.join(sys.argv[1], name + ".pkl"))
    with open(path, "wb") as f:
        f.write(data)
    with tempfile.TemporaryDirectory() as folder:
        load = f"import pickle; pickle.load(open({path!r}, 'rb'))"
        subprocess.run([sys.executable, "-c", load], cwd=folder, stderr=subprocess.DEVNULL, check=False)
        if not os.path.exists(os.path.join(folder, MARK)):
            sys.exit(f"{name}: harmless")
print(f"{len(CASES)} pickles, each of which writes {MARK} when Python loads it")
