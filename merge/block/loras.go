package block

import (
	"slices"
	"strings"
)

// LoRAs are what is known of the LoRAs for an architecture: how trainers and
// those who merge them call its modules and list its blocks.
type LoRAs struct {
	Base    string   // what sd-scripts writes as ss_base_model_version; "" if it trains none
	Trained []string // how what trainers write of the models begins: that, and modelspec.architecture of Stability AI

	// TextWidth is how wide the text is that the network's cross-attention reads, 0
	// for a network that has none. Deep says that some of its spatial transformers
	// have several blocks. Starts are beginnings of the names of modules that no
	// other network has.
	TextWidth int
	Deep      bool
	Starts    []string

	SingleFile bool // the network's modules go by their names in a single file, not by those of diffusers
	Encoders   []LoRAEncoder

	// Lists are the blocks that a list of a LoRA's ratios is for, the shortest
	// first: no two are of one length. They are those of SuperMerger
	// (scripts/mergers/pluslora.py, lines 36 to 41, at 0b1c491), which kohya's
	// networks/svd_merge_lora.py and LoRA Block Weight have as well. The short ones
	// name the blocks with attention alone, since other blocks have no LoRA of
	// linear layers.
	Lists [][]string
}

// A LoRAEncoder is how sd-scripts calls the layers of a text encoder.
type LoRAEncoder struct {
	From   string // what is in front of a layer's number in single files
	Prefix string // of the names of modules
	Open   bool   // the names in single files are OpenCLIP's, not Hugging Face's
}

// LoRAsOf returns what is known of the LoRAs for arch, which may be a family:
// nothing if it is unknown. Its lists are shared, and not to be changed.
func LoRAsOf(arch Arch) LoRAs {
	for _, a := range architectures {
		if a.name == arch {
			return a.loras
		}
	}
	if a, ok := find(arch); ok {
		return a.loras
	}
	return LoRAs{}
}

// LoRAList returns the names of the blocks that n ratios of a LoRA are for; nil if
// there is no such list. BASE is the text encoders. In SuperMerger a block that a list
// does not name gets ratio 0, and what is in no block at all, such as time_embed, 1;
// Kohya's svd_merge_lora.py and sdxl_merge_lora.py give such a block the whole LoRA.
// The longest list of SDXL names blocks that it does not have.
func (l *Layout) LoRAList(n int) []string {
	for _, list := range l.loras.Lists {
		if len(list) == n {
			return slices.Clone(list)
		}
	}
	return nil
}

// What is in front of the number of a text encoder's layer.
const (
	clipLayers     = "transformer.text_model.encoder.layers."
	openCLIPLayers = "model.transformer.resblocks."
)

// The lists of Stable Diffusion.
var (
	sdLoRABlocks = strings.Fields("BASE IN01 IN02 IN04 IN05 IN07 IN08 M00 OUT03 OUT04 OUT05 OUT06 OUT07 OUT08 OUT09 OUT10 OUT11")
	xlLoRABlocks = strings.Fields("BASE IN04 IN05 IN07 IN08 M00 OUT00 OUT01 OUT02 OUT03 OUT04 OUT05")
	sdLoRALists  = [][]string{sdLoRABlocks, namesOf(unetBlocks(12).names())}
	xlLoRALists  = [][]string{xlLoRABlocks, namesOf(unetBlocks(9).names()), namesOf(unetBlocks(12).names())}
)

func namesOf(blocks []named) []string {
	var names []string
	for _, b := range blocks {
		names = append(names, b.name)
	}
	return names
}
