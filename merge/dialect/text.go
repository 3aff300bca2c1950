package dialect

import (
	"fmt"
	"slices"
	"strings"

	"mixmatch/merge/block"
)

var textWords = append([]string{
	"cond_stage_model", "conditioner", "embedders", "0", "1",
	"text_encoders", "text_encoder", "text_encoder_1", "text_encoder_2", "text_encoder_3", "clip_l", "clip_g", "clip_h", "clip", "transformer", "text_model",
}, wrappers...)

// huggingFaceText is a CLIP text encoder as Hugging Face's transformers have it
// (CLIPTextModel, CLIPTextModelWithProjection). Single files have CLIP-L so.
// Files of 2022 lack the text_model.
var huggingFaceText = layout{
	part: block.TextEncoder, names: "Hugging Face",
	witnesses: []string{"embeddings.token_embedding.weight", "encoder.layers.0.self_attn.q_proj.weight"},
	words:     textWords,
	read:      readHuggingFace,
}

// openCLIPText is a CLIP text encoder as OpenCLIP has it. Single files have those
// of SD2 and the second of SDXL so.
var openCLIPText = layout{
	part: block.TextEncoder, names: "OpenCLIP",
	witnesses: []string{"transformer.resblocks.0.attn.in_proj_weight"},
	words:     textWords,
	read:      readOpenCLIP,
}

// t5Text is the encoder of T5, which Flux and SD3 have beside CLIP. All programs
// name its tensors alike.
var t5Text = layout{
	part: block.TextEncoder, names: "Hugging Face",
	witnesses: []string{"encoder.block.0.layer.0.SelfAttention.q.weight"},
	words:     append([]string{"t5xxl", "t5"}, textWords...),
	read:      tops("shared", "encoder"),
}

func readHuggingFace([]string) speller {
	return func(key string) (slot, bool) {
		inner := strings.TrimPrefix(key, "text_model.")
		if strings.HasPrefix(inner, "embeddings.") || strings.HasPrefix(inner, "encoder.layers.") || strings.HasPrefix(inner, "final_layer_norm.") {
			return slot{key: "text_model." + inner, old: inner == key}, true
		}
		return slot{key: key}, beside(key)
	}
}

// beside reports whether key is of what stands beside the text model itself.
func beside(key string) bool {
	return key == "text_projection.weight" || key == "text_projection" || key == "logit_scale"
}

// spellBeside is for encoders that ComfyUI holds: what stands beside the text model
// is one level further out there.
func spellBeside(key string) (slot, bool) { return slot{key: key}, beside(key) }

func readOpenCLIP([]string) speller {
	return func(key string) (slot, bool) {
		if key == "text_projection.weight" {
			return slot{key: "text_projection", transposed: true}, true
		}
		top, rest, _ := strings.Cut(key, ".")
		switch top {
		case "positional_embedding", "text_projection", "logit_scale":
			return slot{key: key}, rest == ""
		case "token_embedding", "ln_final":
			return slot{key: key}, true
		case "transformer":
			return slot{key: key}, strings.HasPrefix(rest, "resblocks.")
		}
		return slot{}, false
	}
}

// openCLIPModules are the modules of a layer, by their name in Hugging Face's.
var openCLIPModules = map[string]string{
	"self_attn.out_proj": "attn.out_proj",
	"layer_norm1":        "ln_1",
	"layer_norm2":        "ln_2",
	"mlp.fc1":            "mlp.c_fc",
	"mlp.fc2":            "mlp.c_proj",
}

// openCLIPSlot returns the place that the tensor of that Hugging Face key has in
// an encoder of OpenCLIP. A projection is a matrix that multiplies from the other
// side there, and query, key and value are one matrix.
func openCLIPSlot(key string) (slot, bool) {
	switch key {
	case "text_model.embeddings.token_embedding.weight":
		return slot{key: "token_embedding.weight"}, true
	case "text_model.embeddings.position_embedding.weight":
		return slot{key: "positional_embedding"}, true
	case "text_model.embeddings.position_ids":
		return slot{dropped: true}, true
	case "text_model.final_layer_norm.weight", "text_model.final_layer_norm.bias":
		return slot{key: "ln_final" + strings.TrimPrefix(key, "text_model.final_layer_norm")}, true
	case "text_projection.weight":
		return slot{key: "text_projection", transposed: true}, true
	case "text_projection", "logit_scale":
		return slot{key: key}, true
	}
	p := split(key)
	if len(p) < 6 || p[2] != "layers" {
		return slot{}, false
	}
	layer, ok := number(p[3])
	module, leaf := strings.Join(p[4:len(p)-1], "."), p[len(p)-1]
	if !ok || leaf != "weight" && leaf != "bias" {
		return slot{}, false
	}
	block := fmt.Sprintf("transformer.resblocks.%d.", layer)
	if piece := slices.Index([]string{"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"}, module); piece >= 0 {
		return slot{key: block + "attn.in_proj_" + leaf, piece: piece, of: 3}, true
	}
	to, ok := openCLIPModules[module]
	return slot{key: block + to + "." + leaf}, ok
}
