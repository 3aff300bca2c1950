"""Writes models as diffusers does: NAME.safetensors in the folder given becomes the
folder NAME. The names and shapes are those of the classes of diffusers and
transformers, whose own converters of single files fill them. TestDiffusersItself in
merge/open reads both and compares every tensor."""

import inspect
import json
import os
import sys

import torch
from diffusers import AutoencoderKL, FluxTransformer2DModel, SD3Transformer2DModel, UNet2DConditionModel
from diffusers.loaders import single_file_utils as convert
from safetensors.torch import load_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, T5Config, T5EncoderModel


def part(model, *prefixes):
    """The tensors behind the first prefix that there are some."""
    for prefix in prefixes:
        found = {k[len(prefix):]: v for k, v in model.items() if k.startswith(prefix)}
        if found:
            return found
    return {}


def save(module, tensors, folder):
    have = set(module.state_dict())
    if not any(k.startswith("text_model.") for k in have):  # CLIPTextModel of transformers 5
        tensors = {k.removeprefix("text_model."): v for k, v in tensors.items()}
    module.load_state_dict(tensors, strict=False)
    missing = have - set(tensors)
    if missing:
        sys.exit(f"{folder}: {len(missing)} tensors were not converted, such as {sorted(missing)[0]}")
    module.save_pretrained(folder, safe_serialization=True)


def groups(n):
    return max(g for g in (32, 16, 8, 4, 2, 1) if n % g == 0)


def unet(model, folder):
    p = "model.diffusion_model."
    u = part(model, p)
    c = u["input_blocks.0.0.weight"].shape[0]
    xl = "input_blocks.1.1.proj_in.weight" not in u
    attn = "input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight"
    kinds = ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D") if xl else ("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",)
    options = dict(
        block_out_channels=(c, 2 * c, 4 * c) if xl else (c, 2 * c, 4 * c, 4 * c),
        down_block_types=kinds, up_block_types=tuple(k.replace("Down", "Up") for k in reversed(kinds)),
        cross_attention_dim=u[attn].shape[1], norm_num_groups=groups(c), attention_head_dim=1,
        use_linear_projection=u["input_blocks.4.1.proj_in.weight"].dim() == 2,
    )
    if xl:
        options.update(
            transformer_layers_per_block=(1, 2, 10), addition_embed_type="text_time", addition_time_embed_dim=8,
            projection_class_embeddings_input_dim=u["label_emb.0.0.weight"].shape[1],
        )
    m = UNet2DConditionModel(**options)
    save(m, convert.convert_ldm_unet_checkpoint(dict(model), m.config), folder)


def vae(model, folder):
    v = part(model, "first_stage_model.", "vae.")
    c = v["encoder.conv_in.weight"].shape[0]
    m = AutoencoderKL(
        block_out_channels=(c, 2 * c, 4 * c, 4 * c), layers_per_block=2, norm_num_groups=groups(c),
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
        latent_channels=v["decoder.conv_in.weight"].shape[1],
        use_quant_conv="quant_conv.weight" in v, use_post_quant_conv="quant_conv.weight" in v,
    )
    save(m, convert.convert_ldm_vae_checkpoint({"first_stage_model." + k: t for k, t in v.items()}, m.config), folder)


def clip_config(vocab, width, layers, mlp, projection):
    return CLIPTextConfig(
        vocab_size=vocab, hidden_size=width, intermediate_size=mlp, num_hidden_layers=layers, num_attention_heads=1,
        projection_dim=projection, bos_token_id=0, eos_token_id=1, pad_token_id=1,
    )


def clip(tensors, folder):
    """CLIP-L, whose tensors single files call as transformers does."""
    n = len({k.split(".")[3] for k in tensors if ".layers." in k})
    vocab, width = tensors["text_model.embeddings.token_embedding.weight"].shape
    mlp = tensors["text_model.encoder.layers.0.mlp.fc1.weight"].shape[0]
    kind = CLIPTextModelWithProjection if "text_projection.weight" in tensors else CLIPTextModel
    save(kind(clip_config(vocab, width, n, mlp, width)), tensors, folder)


def open_clip(model, prefix, folder, layers, projection):
    o = part(model, prefix)
    vocab, width = o["token_embedding.weight"].shape
    config = clip_config(vocab, width, layers, o["transformer.resblocks.0.mlp.c_fc.weight"].shape[0], width)
    m = (CLIPTextModelWithProjection if projection else CLIPTextModel)(config)
    save(m, convert.convert_open_clip_checkpoint(m, dict(model), prefix=prefix), folder)


def t5(tensors, folder):
    n = len({k.split(".")[2] for k in tensors if k.startswith("encoder.block.")})
    vocab, width = tensors["shared.weight"].shape
    heads = tensors["encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"].shape[1]
    mlp = tensors["encoder.block.0.layer.1.DenseReluDense.wi_0.weight"].shape[0]
    m = T5EncoderModel(T5Config(vocab_size=vocab, d_model=width, d_kv=width // heads, d_ff=mlp, num_layers=n, num_heads=heads, feed_forward_proj="gated-gelu"))
    save(m, {**tensors, "encoder.embed_tokens.weight": tensors["shared.weight"]}, folder)


def flux(model, folder):
    f = part(model, "model.diffusion_model.")
    h = f["img_in.weight"].shape[0]
    head = f["double_blocks.0.img_attn.norm.query_norm.scale"].shape[0]
    m = FluxTransformer2DModel(
        num_layers=19, num_single_layers=38, attention_head_dim=head, num_attention_heads=h // head,
        joint_attention_dim=f["txt_in.weight"].shape[1], pooled_projection_dim=f["vector_in.in_layer.weight"].shape[1], guidance_embeds=True,
    )
    # The width of real models is a number in the converter.
    names = dict(vars(convert))
    exec(inspect.getsource(convert.convert_flux_transformer_checkpoint_to_diffusers).replace("3072", str(h)), names)
    tensors = names["convert_flux_transformer_checkpoint_to_diffusers"](dict(f))
    # A small model's time embedding has its own width, which the class fixes at 256.
    for name in ("timestep_embedder", "guidance_embedder"):
        layer = getattr(m.time_text_embed, name).linear_1
        layer.weight = torch.nn.Parameter(torch.zeros_like(tensors[f"time_text_embed.{name}.linear_1.weight"]))
    save(m, tensors, folder)


def sd3(model, folder):
    f = part(model, "model.diffusion_model.")
    h = f["x_embedder.proj.weight"].shape[0]
    n = len({k.split(".")[1] for k in f if k.startswith("joint_blocks.")})
    norms = "joint_blocks.0.x_block.attn.ln_q.weight" in f
    head = f["joint_blocks.0.x_block.attn.ln_q.weight"].shape[0] if norms else 1
    m = SD3Transformer2DModel(
        num_layers=n, attention_head_dim=head, num_attention_heads=h // head, caption_projection_dim=h,
        joint_attention_dim=f["context_embedder.weight"].shape[1], pooled_projection_dim=f["y_embedder.mlp.0.weight"].shape[1],
        pos_embed_max_size=int(f["pos_embed"].shape[1] ** 0.5), sample_size=4, qk_norm="rms_norm" if norms else None,
    )
    tensors = convert.convert_sd3_transformer_checkpoint_to_diffusers(dict(f))
    layer = m.time_text_embed.timestep_embedder.linear_1
    layer.weight = torch.nn.Parameter(torch.zeros_like(tensors["time_text_embed.timestep_embedder.linear_1.weight"]))
    save(m, tensors, folder)


def write(file):
    folder = file.removesuffix(".safetensors")
    model = load_file(file)
    os.makedirs(folder)
    inside = lambda name: os.path.join(folder, name)
    vae(model, inside("vae"))
    if any(".double_blocks." in k for k in model):
        flux(model, inside("transformer"))
        clip(part(model, "text_encoders.clip_l.transformer."), inside("text_encoder"))
        t5(part(model, "text_encoders.t5xxl.transformer."), inside("text_encoder_2"))
    elif any(".joint_blocks." in k for k in model):
        sd3(model, inside("transformer"))
        clip(part(model, "text_encoders.clip_l.transformer."), inside("text_encoder"))
        clip(part(model, "text_encoders.clip_g.transformer."), inside("text_encoder_2"))
        t5(part(model, "text_encoders.t5xxl.transformer."), inside("text_encoder_3"))
    else:
        unet(model, inside("unet"))
        if "cond_stage_model.model.ln_final.weight" in model:
            open_clip(model, "cond_stage_model.model.", inside("text_encoder"), 23, False)  # the last layer is not used
        elif "conditioner.embedders.1.model.ln_final.weight" in model:
            clip(part(model, "conditioner.embedders.0.transformer."), inside("text_encoder"))
            open_clip(model, "conditioner.embedders.1.model.", inside("text_encoder_2"), 32, True)
        else:
            clip(part(model, "cond_stage_model.transformer."), inside("text_encoder"))
    networks = {n: ["of", "diffusers"] for n in sorted(os.listdir(folder))}
    with open(os.path.join(folder, "model_index.json"), "w") as f:
        json.dump({"_class_name": "Pipeline", **networks}, f)


for name in sorted(os.listdir(sys.argv[1])):
    if name.endswith(".safetensors"):
        write(os.path.join(sys.argv[1], name))
