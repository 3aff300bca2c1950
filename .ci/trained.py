"""Trains a family of small networks for the recovery benchmark (make trained).

Usage: trained.py FOLDER [--scale 1.0]

The network has the structure of Stable Diffusion 1.5, a UNet and a CLIP text encoder under their true key names, at a
fraction of the width. It is trained to remove noise from pictures of 4 x 8 x 8 numbers that a caption describes, and
then fine-tuned on other styles of picture, as people make models: with several optimisers, with the text encoder
frozen or not, from the base or from another fine-tune, some as a second version of the first. So the differences
between the models are those that optimisers make, which no formula gives.

Writes FOLDER/base.safetensors (float32), one file a fine-tune (float16), and family.json, which says what came from
what. About six minutes on one core; scale changes the number of steps.
"""
import argparse, json, math, os, time

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

WIDTHS = (48, 64, 96, 96)  # 320, 640, 1280, 1280 in Stable Diffusion
TEXT, LAYERS, VOCABULARY, POSITIONS = 64, 12, 400, 77
HEADS, CAPTION = 2, 8


class Bag(nn.Module):
    """Modules under the names given: keys are then those of the original."""

    def __init__(self, **children):
        super().__init__()
        for name, child in children.items():
            self.add_module(name.lstrip("_"), child)


def norm(width):
    return nn.GroupNorm(8, width)


class Residual(nn.Module):
    def __init__(self, i, o, time):
        super().__init__()
        self.in_layers = nn.Sequential(norm(i), nn.SiLU(), nn.Conv2d(i, o, 3, padding=1))
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(time, o))
        self.out_layers = nn.Sequential(norm(o), nn.SiLU(), nn.Dropout(0), nn.Conv2d(o, o, 3, padding=1))
        if i != o:
            self.skip_connection = nn.Conv2d(i, o, 1)

    def forward(self, x, emb, text):
        h = self.in_layers(x) + self.emb_layers(emb)[:, :, None, None]
        return (self.skip_connection(x) if hasattr(self, "skip_connection") else x) + self.out_layers(h)


def attend(q, k, v, causal=False):
    split = lambda t: t.unflatten(-1, (HEADS, -1)).transpose(1, 2)
    return F.scaled_dot_product_attention(split(q), split(k), split(v), is_causal=causal).transpose(1, 2).flatten(2)


class Attention(nn.Module):
    def __init__(self, width, context):
        super().__init__()
        self.to_q = nn.Linear(width, width, bias=False)
        self.to_k = nn.Linear(context, width, bias=False)
        self.to_v = nn.Linear(context, width, bias=False)
        self.to_out = nn.Sequential(nn.Linear(width, width), nn.Dropout(0))

    def forward(self, x, context):
        return self.to_out(attend(self.to_q(x), self.to_k(context), self.to_v(context)))


class Gated(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.proj = nn.Linear(width, 8 * width)

    def forward(self, x):
        x, gate = self.proj(x).chunk(2, -1)
        return x * F.gelu(gate)


class Transformer(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.attn1, self.attn2 = Attention(width, width), Attention(width, TEXT)
        self.ff = Bag(net=nn.Sequential(Gated(width), nn.Dropout(0), nn.Linear(4 * width, width)))
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(width) for _ in range(3))

    def forward(self, x, text):
        n = self.norm1(x)
        x = x + self.attn1(n, n)
        x = x + self.attn2(self.norm2(x), text)
        return x + self.ff.net(self.norm3(x))


class Spatial(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm = norm(width)
        self.proj_in, self.proj_out = nn.Conv2d(width, width, 1), nn.Conv2d(width, width, 1)
        self.transformer_blocks = nn.ModuleList([Transformer(width)])

    def forward(self, x, emb, text):
        h = self.proj_in(self.norm(x))
        h = self.transformer_blocks[0](h.flatten(2).transpose(1, 2), text)
        return x + self.proj_out(h.transpose(1, 2).unflatten(2, x.shape[2:]))


class Down(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.op = nn.Conv2d(width, width, 3, stride=2, padding=1)

    def forward(self, x, emb, text):
        return self.op(x)


class Up(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x, emb, text):
        return self.conv(F.interpolate(x, scale_factor=2))


class First(nn.Conv2d):
    def forward(self, x, emb, text):
        return super().forward(x)


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        w, time = WIDTHS, 4 * WIDTHS[0]
        self.time_embed = nn.Sequential(nn.Linear(w[0], time), nn.SiLU(), nn.Linear(time, time))
        inputs, kept, now = [[First(4, w[0], 3, padding=1)]], [w[0]], w[0]
        for level, width in enumerate(w):
            for _ in range(2):
                inputs.append([Residual(now, width, time)] + ([Spatial(width)] if level < 3 else []))
                now = width
                kept.append(now)
            if level < 3:
                inputs.append([Down(now)])
                kept.append(now)
        middle = [Residual(now, now, time), Spatial(now), Residual(now, now, time)]
        outputs = []
        for level in (3, 2, 1, 0):
            for i in range(3):
                block = [Residual(now + kept.pop(), w[level], time)] + ([Spatial(w[level])] if level < 3 else [])
                now = w[level]
                outputs.append(block + ([Up(now)] if level and i == 2 else []))
        blocks = lambda lists: nn.ModuleList(nn.ModuleList(b) for b in lists)
        self.input_blocks, self.middle_block, self.output_blocks = blocks(inputs), nn.ModuleList(middle), blocks(outputs)
        self.out = nn.Sequential(norm(now), nn.SiLU(), nn.Conv2d(now, 4, 3, padding=1))

    def forward(self, x, t, text):
        half = WIDTHS[0] // 2
        angle = t[:, None] * torch.exp(-math.log(1e4) * torch.arange(half) / half)
        emb = self.time_embed(torch.cat([angle.cos(), angle.sin()], -1))
        kept = []
        for block in self.input_blocks:
            for part in block:
                x = part(x, emb, text)
            kept.append(x)
        for part in self.middle_block:
            x = part(x, emb, text)
        for block in self.output_blocks:
            x = torch.cat([x, kept.pop()], 1)
            for part in block:
                x = part(x, emb, text)
        return self.out(x)


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        linear = lambda: nn.Linear(TEXT, TEXT)
        self.self_attn = Bag(q_proj=linear(), k_proj=linear(), v_proj=linear(), out_proj=linear())
        self.layer_norm1, self.layer_norm2 = nn.LayerNorm(TEXT), nn.LayerNorm(TEXT)
        self.mlp = Bag(fc1=nn.Linear(TEXT, 4 * TEXT), fc2=nn.Linear(4 * TEXT, TEXT))

    def forward(self, x):
        n, a = self.layer_norm1(x), self.self_attn
        x = x + a.out_proj(attend(a.q_proj(n), a.k_proj(n), a.v_proj(n), causal=True))
        h = self.mlp.fc1(self.layer_norm2(x))
        return x + self.mlp.fc2(h * torch.sigmoid(1.702 * h))


class Text(nn.Module):
    def __init__(self):
        super().__init__()
        self.embeddings = Bag(token_embedding=nn.Embedding(VOCABULARY, TEXT), position_embedding=nn.Embedding(POSITIONS, TEXT))
        self.embeddings.register_buffer("position_ids", torch.arange(POSITIONS)[None])
        self.encoder = Bag(layers=nn.ModuleList(Layer() for _ in range(LAYERS)))
        self.final_layer_norm = nn.LayerNorm(TEXT)

    def forward(self, tokens):
        e = self.embeddings
        x = e.token_embedding(tokens) + e.position_embedding.weight[: tokens.shape[1]]
        for layer in self.encoder.layers:
            x = layer(x)
        return self.final_layer_norm(x)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.model = Bag(diffusion_model=UNet())
        self.cond_stage_model = Bag(transformer=Bag(text_model=Text()))

    def forward(self, x, t, tokens):
        return self.model.diffusion_model(x, t, self.cond_stage_model.transformer.text_model(tokens))


class Style:
    """Captions and pictures: each token stands for a spot of some colour, place and size; a style repaints them all."""

    def __init__(self, seed):
        words = np.random.default_rng(1)  # what tokens mean is the same in all styles, but for the words a style brings
        own = np.random.default_rng(seed)
        place, size = words.uniform(0, 7, (VOCABULARY, 2)), words.uniform(1, 3, VOCABULARY)
        colour = words.normal(size=(VOCABULARY, 4))
        new = own.choice(VOCABULARY, 60, replace=False)
        colour[new], place[new] = own.normal(size=(60, 4)), own.uniform(0, 7, (60, 2))
        grid = np.stack(np.meshgrid(np.arange(8), np.arange(8), indexing="ij"))
        spots = np.exp(-((grid[None] - place[:, :, None, None]) ** 2).sum(1) / (2 * size[:, None, None] ** 2))
        paint = np.eye(4) + 0.5 * own.normal(size=(4, 4))
        wave = np.cos(np.tensordot(own.uniform(-2, 2, (4, 2)), grid, 1) + own.uniform(0, 6, (4, 1, 1)))
        self.spots = torch.tensor(spots, dtype=torch.float32)
        self.colours = torch.tensor(colour @ paint, dtype=torch.float32)
        self.wave = torch.tensor(0.4 * wave, dtype=torch.float32)

    def batch(self, n, random):
        tokens = torch.randint(0, VOCABULARY, (n, CAPTION), generator=random)
        picture = torch.einsum("btc,bthw->bchw", self.colours[tokens], self.spots[tokens]) * 0.4 + self.wave
        return picture + 0.1 * torch.randn(picture.shape, generator=random), tokens


def optimiser(name, parameters, rate):
    match name:
        case "adamw":
            return torch.optim.AdamW(parameters, rate)
        case "adam":
            return torch.optim.Adam(parameters, rate, betas=(0.9, 0.99))
        case "sgd":
            return torch.optim.SGD(parameters, rate, momentum=0.9)
        case "adafactor":
            return torch.optim.Adafactor(parameters, rate)


def train(model, seed, steps, optim, rate, text=True, average=0.0):
    """Trains the model in place and returns the loss at the beginning and at the end."""
    random, style = torch.Generator().manual_seed(seed), Style(seed)
    model.cond_stage_model.requires_grad_(text)
    parameters = [p for p in model.parameters() if p.requires_grad]
    o = optimiser(optim, parameters, rate)
    mean = [p.detach().clone() for p in parameters] if average else []
    losses = []
    for i in range(steps):
        for group in o.param_groups:
            group["lr"] = rate * min(1, (i + 1) / 10)
        x, tokens = style.batch(8, random)
        t = torch.randint(0, 1000, (8,), generator=random).float()
        signal = torch.cos(t * math.pi / 2000)[:, None, None, None]
        noise = torch.randn(x.shape, generator=random)
        loss = F.mse_loss(model(signal * x + (1 - signal**2).sqrt() * noise, t, tokens), noise)
        o.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        o.step()
        losses.append(loss.item())
        for m, p in zip(mean, parameters):
            m.lerp_(p.detach(), 1 - average)
    with torch.no_grad():
        for m, p in zip(mean, parameters):
            p.copy_(m)
    n = min(10, steps)
    return sum(losses[:n]) / n, sum(losses[-n:]) / n


# name, trained from, version of, steps, optimiser, rate, text encoder trained, moving average
FAMILY = [
    ("anime", "base", None, 100, "adamw", 2e-4, True, 0),
    ("anime-v2", "anime", "anime", 25, "adamw", 1e-4, True, 0),
    ("photo", "base", None, 100, "adamw", 1e-4, False, 0),
    ("photo-v2", "photo", "photo", 30, "adam", 1e-4, False, 0),
    ("ink", "base", None, 80, "adam", 2e-4, True, 0),
    ("clay", "base", None, 100, "sgd", 3e-2, True, 0),
    ("ema", "base", None, 100, "adamw", 3e-4, False, 0.97),
    ("short", "base", None, 40, "adamw", 3e-4, True, 0),
    ("factor", "base", None, 100, "adafactor", 1e-3, True, 0),
    ("leak", "base", None, 120, "adamw", 3e-4, True, 0),
    ("leak-soft", "leak", None, 60, "adamw", 1e-4, True, 0),
    ("leak-soft-v2", "leak-soft", "leak-soft", 20, "adamw", 1e-4, True, 0),
    ("leak-sharp", "leak", None, 80, "adamw", 2e-4, False, 0),
    ("leak-ema", "leak", None, 80, "adam", 1e-4, True, 0.95),
    ("leak-wild", "leak", None, 50, "adafactor", 1e-3, True, 0),
]


def main():
    a = argparse.ArgumentParser()
    a.add_argument("folder")
    a.add_argument("--scale", type=float, default=1.0)
    a = a.parse_args()
    os.makedirs(a.folder, exist_ok=True)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    start, states, family = time.time(), {}, []
    steps = lambda n: max(2, round(n * a.scale))

    def keep(name, model, dtype):
        states[name] = {k: v.clone() for k, v in model.state_dict().items()}
        tensors = {k: v.to(dtype) if v.is_floating_point() else v for k, v in states[name].items()}
        save_file(tensors, os.path.join(a.folder, name + ".safetensors"), metadata={"format": "pt"})

    model = Model()
    first = train(model, 1, steps(450), "adamw", 1e-3)
    last = train(model, 1, steps(150), "adamw", 2e-4)
    keep("base", model, torch.float32)
    size = sum(p.numel() for p in model.parameters())
    print(f"base: {size:,} parameters, loss {first[0]:.3f} to {last[1]:.3f}, {time.time() - start:.0f} s", flush=True)
    for i, (name, parent, version, n, optim, rate, text, average) in enumerate(FAMILY):
        model.load_state_dict(states[parent])
        style = 100 + next(j for j, f in enumerate(FAMILY) if f[0] == (version or name))
        loss = train(model, style, steps(n), optim, rate, text, average)
        keep(name, model, torch.float16)
        base = states["base"]
        moved = sum(float((v - base[k]).square().sum()) for k, v in states[name].items() if v.is_floating_point())
        length = sum(float(v.square().sum()) for v in base.values() if v.is_floating_point())
        family.append({"name": name, "from": parent, "version_of": version or "", "optimiser": optim})
        print(f"{name}: {optim}, loss {loss[0]:.3f} to {loss[1]:.3f}, moved {math.sqrt(moved / length):.4f}, {time.time() - start:.0f} s", flush=True)
    with open(os.path.join(a.folder, "family.json"), "w") as f:
        json.dump({"base": "base", "models": family}, f, indent=1)


main()
