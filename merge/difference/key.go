package difference

import (
	"regexp"
	"strings"
)

// A role is what a tensor of a LoRA file is to its module.
type role uint8

// The roles. What a kind of change is made of is in [kindOf].
const (
	loraUp role = iota
	loraDown
	loraMid
	alpha

	wholeWeight
	wholeBias

	hada1A
	hada1B
	hada2A
	hada2B
	hadaMid1
	hadaMid2

	kron1
	kron1A
	kron1B
	kron2
	kron2A
	kron2B
	kronMid2

	roles // how many there are
)

// suffixes are the ends of the names of tensors, with the role that each means.
// What comes before is the module. Where two fit, the longer one counts.
var suffixes = []struct {
	end  string
	role role
}{
	// kohya's sd-scripts and LyCORIS.
	{".lora_up.weight", loraUp},
	{".lora_down.weight", loraDown},
	{".lora_mid.weight", loraMid},
	{".alpha", alpha},
	{".diff", wholeWeight},
	{".diff_b", wholeBias},
	{".w_norm", wholeWeight},
	{".b_norm", wholeBias},
	{".hada_w1_a", hada1A},
	{".hada_w1_b", hada1B},
	{".hada_w2_a", hada2A},
	{".hada_w2_b", hada2B},
	{".hada_t1", hadaMid1},
	{".hada_t2", hadaMid2},
	{".lokr_w1", kron1},
	{".lokr_w1_a", kron1A},
	{".lokr_w1_b", kron1B},
	{".lokr_w2", kron2},
	{".lokr_w2_a", kron2A},
	{".lokr_w2_b", kron2B},
	{".lokr_t2", kronMid2},

	// PEFT, and diffusers in its several years.
	{".lora_B.weight", loraUp},
	{".lora_A.weight", loraDown},
	{".lora.up.weight", loraUp},
	{".lora.down.weight", loraDown},
	{".lora_linear_layer.up.weight", loraUp},
	{".lora_linear_layer.down.weight", loraDown},
	{"_lora.up.weight", loraUp}, // ...processor.to_q_lora.up.weight
	{"_lora.down.weight", loraDown},
}

// refused are the ends of the names of tensors of changes that are not read,
// since they are no difference that stays the same whatever it is added to, or
// since too few have them, and what they are called.
var refused = []struct{ end, what string }{
	{".dora_scale", "a DoRA: it sets the lengths of a weight's columns, so that what it adds depends on the model"},
	{".lora_magnitude_vector", "a DoRA: it sets the lengths of a weight's columns, so that what it adds depends on the model"},
	{".lora_magnitude_vector.weight", "a DoRA: it sets the lengths of a weight's columns, so that what it adds depends on the model"},
	{".on_input", "an IA3: it multiplies a weight instead of adding to it"},
	{".ia3_l", "an IA3: it multiplies a weight instead of adding to it"},
	{".oft_blocks", "an OFT or BOFT: it turns a weight instead of adding to it"},
	{".oft_diag", "an OFT: it turns a weight instead of adding to it"},
	{".oft_R.weight", "an OFT: it turns a weight instead of adding to it"},
	{".boft_R", "a BOFT: it turns a weight instead of adding to it"},
	{".boft_s", "a BOFT: it turns a weight instead of adding to it"},
	{".rescale", "an OFT: it turns a weight instead of adding to it"},
	{".a1.weight", "a GLoRA: what it adds depends on the model"},
	{".a2.weight", "a GLoRA: what it adds depends on the model"},
	{".b1.weight", "a GLoRA: what it adds depends on the model"},
	{".b2.weight", "a GLoRA: what it adds depends on the model"},
	{".vera_lambda_b", "a VeRA: its matrices are not in the file"},
	{".vera_lambda_d", "a VeRA: its matrices are not in the file"},
	{".lora_A.bias", "a LoRA with biases of its own, which are not read"},
	{".lora_B.bias", "a LoRA with biases of its own, which are not read"},
	{".bias_indices", "a LyCORIS with a sparse bias, which is not read"},
	{".bias_values", "a LyCORIS with a sparse bias, which is not read"},
	{".bias_size", "a LyCORIS with a sparse bias, which is not read"},
	{".scale", "a module with a scale of its own, which is not read"},
	{".scalar", "a module with a trained scalar, which is not read: save it again with LyCORIS, which puts it into the weights"},
	{".set_weight", "a tensor to be put in place of the model's, which is no difference"},
	{".reshape_weight", "a change of a tensor's shape, which is no difference"},
}

// adapter is the name that PEFT puts into a key where an adapter has one:
// lora_A.default.weight.
var adapter = regexp.MustCompile(`^(.*\.lora_[AB])\.[A-Za-z0-9_-]+(\.weight|\.bias)$`)

// splitKey splits the name of a tensor into the name of its module, as it is
// spelled there, and what the tensor is to it. What is the name of the kind if
// it is one that is not read. False means that the name is none of a LoRA's.
func splitKey(key string) (module string, r role, what string, ok bool) {
	if m := adapter.FindStringSubmatch(key); m != nil {
		key = m[1] + m[2]
	}
	longest := 0
	for _, s := range refused {
		if name, in := strings.CutSuffix(key, s.end); in && name != "" && len(s.end) > longest {
			module, what, ok, longest = name, s.what, true, len(s.end)
		}
	}
	for _, s := range suffixes {
		if name, in := strings.CutSuffix(key, s.end); in && name != "" && len(s.end) > longest {
			module, r, what, ok, longest = name, s.role, "", true, len(s.end)
		}
	}
	return module, r, what, ok
}
