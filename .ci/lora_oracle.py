"""Records what other programs make of LoRA files, for the tests of merge/difference (make lora-oracle).

Usage: lora_oracle.py FOLDER

Writes small files of LoRAs as PEFT, diffusers and LyCORIS save them, with networks of the true structure at a fraction
of the width, and for each a second file: the model's tensors before (A/...) and after (B/...) the LoRA was added, or
what it adds (D/...), by the names that single-file checkpoints have.

  sd1        UNet and text encoder: save_lora_weights of diffusers, and fuse_lora(0.7) of a float16 model on the CPU
  sdxl       the same with two text encoders, one of which is OpenCLIP in checkpoints
  kohya      the same as sd1 under kohya's names in float16, by kohya's formula in float32 with ratio 0.7, saved as float16
  webui      that file by the formula of the web UI's modules, from factors in float16 with ratio 0.7
  lycoris    LoCon with and without a core, LoHa and LoKr of several shapes: what LyCORIS adds as it trains

Sums are those of MKL with AVX2: run it on such a processor.
"""
import os, sys, warnings

os.environ["MKL_ENABLE_INSTRUCTIONS"] = "AVX2"
os.environ["HF_HUB_OFFLINE"] = "1"
warnings.filterwarnings("ignore")

import torch
from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline, UNet2DConditionModel
from lycoris.modules.locon import LoConModule
from lycoris.modules.loha import LohaModule
from lycoris.modules.lokr import LokrModule
from peft import LoraConfig, get_peft_model_state_dict, inject_adapter_in_model
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

RATIO, WIDTH = 0.7, 16
torch.manual_seed(1)
torch.set_num_threads(1)


def unet(xl):
    kind = dict(norm_num_groups=8, cross_attention_dim=24, attention_head_dim=4, layers_per_block=2, sample_size=8)
    if not xl:
        return UNet2DConditionModel(block_out_channels=(WIDTH,) * 4, **kind)
    return UNet2DConditionModel(
        block_out_channels=(WIDTH,) * 3, transformer_layers_per_block=(1, 2, 3), use_linear_projection=True,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"), **kind)


def text(projection=False, width=WIDTH):
    config = CLIPTextConfig(hidden_size=width, intermediate_size=2 * width, num_hidden_layers=2, num_attention_heads=2,
                            vocab_size=32, projection_dim=width, bos_token_id=0, eos_token_id=1)
    return (CLIPTextModelWithProjection if projection else CLIPTextModel)(config)


UNET = (r".*(conv_in|down_blocks.1.attentions.0.proj_in|down_blocks.1.attentions.1.transformer_blocks.0.attn[12].to_[qkv]|"
        r"mid_block.attentions.0.transformer_blocks.0.(attn1.to_out.0|ff.net.0.proj|ff.net.2)|mid_block.resnets.1.conv2|"
        r"up_blocks.1.resnets.0.(conv_shortcut|time_emb_proj)|up_blocks.0.upsamplers.0.conv|down_blocks.0.downsamplers.0.conv)")
TEXT = r".*layers.1.(self_attn.(q_proj|v_proj|out_proj)|mlp.fc1)"


def with_lora(network, targets, rank, alpha):
    """Gives the network LoRAs that are not zero, and makes all of it float16."""
    network = inject_adapter_in_model(LoraConfig(r=rank, lora_alpha=alpha, target_modules=targets), network)
    for name, p in network.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(p, std=0.05)
    return network.half()


def changed(network):
    """The weights that have LoRAs, by the names they have without them."""
    state = {k.replace(".base_layer", ""): v for k, v in network.state_dict().items()}
    names = [k.split(".lora_A")[0] + ".weight" for k in network.state_dict() if ".lora_A" in k]
    return {k: state[k].detach().clone() for k in names}


RESNET = {"conv1": "in_layers.2", "conv2": "out_layers.3", "time_emb_proj": "emb_layers.1", "conv_shortcut": "skip_connection"}


def unet_key(name, xl):
    """The name that a checkpoint has for one of the UNet's tensors."""
    f = name.removesuffix(".weight").split(".")
    inner = ".".join(f[4:])
    inner = RESNET.get(inner, inner)
    if f[0] == "conv_in":
        path = "input_blocks.0.0"
    elif f[0] == "mid_block":
        inner = ".".join(f[3:])
        path = "middle_block.%d.%s" % (1 if f[1] == "attentions" else 2 * int(f[2]), RESNET.get(inner, inner))
    elif f[2] == "downsamplers":
        path = "input_blocks.%d.0.op" % (3 * int(f[1]) + 3)
    elif f[2] == "upsamplers":
        path = "output_blocks.%d.%d.conv" % (3 * int(f[1]) + 2, 2 if xl else 1)
    else:
        first = 3 * int(f[1]) + int(f[3]) + (f[0] == "down_blocks")
        path = "%s.%d.%d.%s" % ("input_blocks" if f[0] == "down_blocks" else "output_blocks", first, f[2] == "attentions", inner)
    return "model.diffusion_model." + path + ".weight"


OPEN = {"self_attn.out_proj": "attn.out_proj", "mlp.fc1": "mlp.c_fc", "mlp.fc2": "mlp.c_proj"}


def put(into, side, networks, xl):
    """Adds the changed tensors of the networks to those recorded, by the names of checkpoints."""
    for prefix, network in networks.items():
        for name, w in changed(network).items():
            name = name.removeprefix("text_model.")
            if prefix == "unet":
                into[side + unet_key(name, xl)] = w
            elif prefix == "text_encoder":
                root = "conditioner.embedders.0." if xl else "cond_stage_model."
                into[side + root + "transformer.text_model." + name] = w
            else:
                _, _, layer, part = name.split(".", 3)
                stem = side + "conditioner.embedders.1.model.transformer.resblocks.%s." % layer
                part = part.removesuffix(".weight")
                if part in OPEN:
                    into[stem + OPEN[part] + ".weight"] = w
                    continue
                # Query, key and value are one tensor there; the key has no LoRA here.
                place = "qkv".index(part.removeprefix("self_attn.")[0])
                whole = into.setdefault(stem + "attn.in_proj_weight", torch.zeros(3 * w.shape[0], w.shape[1], dtype=w.dtype))
                whole[place * w.shape[0]:(place + 1) * w.shape[0]] = w


def diffusers(folder, name, xl):
    networks = {"unet": with_lora(unet(xl), UNET, 4, 3), "text_encoder": with_lora(text(), TEXT, 8, 4)}
    if xl:
        networks["text_encoder_2"] = with_lora(text(True, 24), TEXT, 4, 4)
    lora = {n + "_lora_layers": get_peft_model_state_dict(m) for n, m in networks.items()}
    settings = {n + "_lora_adapter_metadata": m.peft_config["default"].to_dict() for n, m in networks.items()}
    for s in settings.values():
        s["target_modules"] = None  # a long text, which is not needed
    pipeline = StableDiffusionXLPipeline if xl else StableDiffusionPipeline
    pipeline.save_lora_weights(folder, **lora, **settings, weight_name=name + ".safetensors")
    record = {}
    put(record, "A/", networks, xl)
    for n, network in networks.items():
        for module in network.modules():
            if hasattr(module, "lora_A") and hasattr(module, "merge"):
                module.scale_layer(RATIO)  # what fuse_lora of a UNet does, and of a pipeline with its text encoders
                module.merge()
    put(record, "B/", networks, xl)
    save_file(record, os.path.join(folder, name + "-baked.safetensors"))
    return networks, lora, record


def kohya(folder, lora, before):
    """The same LoRA under kohya's names, and what kohya's and the web UI's formulas make of it."""
    file, baked, web = {}, {}, {}
    for prefix, state in (("lora_unet_", lora["unet_lora_layers"]), ("lora_te_", lora["text_encoder_lora_layers"])):
        for key, down in state.items():
            if ".lora_A" not in key:
                continue
            up = state[key.replace("lora_A", "lora_B")]
            name = key.split(".lora_A")[0]
            alpha = torch.tensor(3.0)
            module = prefix + ("" if prefix == "lora_unet_" or name.startswith("text_model") else "text_model_") + name.replace(".", "_")
            up, down = up.half(), down.half()
            file[module + ".lora_up.weight"], file[module + ".lora_down.weight"], file[module + ".alpha"] = up, down, alpha.half()
            if prefix == "lora_unet_":
                target = unet_key(name, False)
            else:
                target = "cond_stage_model.transformer.text_model." + name.removeprefix("text_model.") + ".weight"
            w = before["A/" + target]

            def product(up, down):
                if down.dim() == 2:
                    return up @ down
                if down.shape[2:] == (1, 1):
                    return (up.flatten(1) @ down.flatten(1))[:, :, None, None]
                return torch.nn.functional.conv2d(down.permute(1, 0, 2, 3), up).permute(1, 0, 2, 3)

            def matrix(up, down):
                return (up.flatten(1) @ down.flatten(1)).reshape(up.shape[0], *down.shape[1:])

            scale = alpha / down.shape[0]
            baked["A/" + target] = web["A/" + target] = w
            baked["B/" + target] = (w.float() + RATIO * product(up.float(), down.float()) * scale).half()
            updown = matrix((up * RATIO).float(), down.float()) * scale.item()
            web["B/" + target] = w.clone()
            web["B/" + target] += updown.half()
    metadata = {"ss_network_module": "networks.lora", "ss_network_dim": "4", "ss_network_alpha": "3.0", "ss_base_model_version": "sd_v1"}
    save_file(file, os.path.join(folder, "kohya.safetensors"), metadata)
    save_file(baked, os.path.join(folder, "kohya-baked.safetensors"))
    save_file(web, os.path.join(folder, "webui-baked.safetensors"))


def lycoris(folder):
    """LyCORIS' modules, one a tensor; the names are in the order of a UNet's blocks."""
    file, record = {}, {}
    linear, conv = torch.nn.Linear(12, 24), torch.nn.Conv2d(8, 12, 3)
    places = iter(
        ("down_blocks.%d.attentions.%d.transformer_blocks.0.attn1.to_%s" % (i, j, p), "input_blocks.%d.1.transformer_blocks.0.attn1.to_%s" % (3 * i + j + 1, p))
        for i in range(3) for j in range(2) for p in "qkv")
    for kind, module, settings in (
        (LoConModule, linear, {}), (LoConModule, conv, {}), (LoConModule, conv, dict(use_tucker=True)),
        (LohaModule, linear, {}), (LohaModule, conv, {}), (LohaModule, conv, dict(use_tucker=True)),
        (LokrModule, linear, {}), (LokrModule, linear, dict(factor=2)), (LokrModule, linear, dict(decompose_both=True, factor=6)),
        (LokrModule, linear, dict(full_matrix=True)), (LokrModule, conv, {}), (LokrModule, conv, dict(use_tucker=True, factor=2)),
        (LokrModule, conv, dict(full_matrix=True)), (LohaModule, linear, dict(rs_lora=True)),
    ):
        diffusers, ldm = next(places)
        name = "lora_unet_" + diffusers.replace(".", "_")
        m = kind(name, module, lora_dim=2, alpha=1.5, **settings)
        for p in m.parameters():
            torch.nn.init.normal_(p, std=0.3)
        for key, value in m.custom_state_dict().items() if hasattr(m, "custom_state_dict") and m.custom_state_dict() else m.state_dict().items():
            file[name + "." + key] = value.detach().contiguous()
        # What its forward pass adds. LoHa's and LoKr's get_diff_weight multiply with alpha/rank twice.
        d = m.get_weight(module.weight.shape) if kind is not LoConModule else m.get_diff_weight(1.0, shape=module.weight.shape)[0]
        record["D/model.diffusion_model." + ldm + ".weight"] = d.detach().contiguous()
    save_file(file, os.path.join(folder, "lycoris.safetensors"), {"ss_network_module": "lycoris.kohya"})
    save_file(record, os.path.join(folder, "lycoris-adds.safetensors"))


if __name__ == "__main__":
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    _, lora, record = diffusers(folder, "sd1", False)
    kohya(folder, lora, record)
    diffusers(folder, "sdxl", True)
    lycoris(folder)
