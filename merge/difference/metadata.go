package difference

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"mixmatch/merge/checkpoint"
)

// metadata is what a file says of its changes beside their tensors: the settings
// that PEFT keeps in adapter_config.json, beside the file, and diffusers in the
// file itself, by network.
type metadata struct {
	settings map[network]*settings // of PEFT; by network, or of all at textAny
}

// settings are those that PEFT keeps of the LoRAs of one network.
type settings struct {
	Type         string             `json:"peft_type"`
	Rank         float64            `json:"r"`
	Alpha        *float64           `json:"lora_alpha"`
	AlphaPattern map[string]float64 `json:"alpha_pattern"`
	RankStable   bool               `json:"use_rslora"`
	DoRA         bool               `json:"use_dora"`
	Transposed   bool               `json:"fan_in_fan_out"`
}

// mostConfig is more than any adapter_config.json has, in bytes.
const mostConfig = 1 << 20

// read reads the settings.
func (m *metadata) read(f *checkpoint.File) error {
	m.settings = map[network]*settings{}
	if text := f.Metadata()["lora_adapter_metadata"]; text != "" {
		return m.fromDiffusers([]byte(text))
	}
	if filepath.Base(f.Path()) != "adapter_model.safetensors" {
		return nil
	}
	name := filepath.Join(filepath.Dir(f.Path()), "adapter_config.json")
	file, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, mostConfig+1))
	if err != nil {
		return err
	}
	if len(text) > mostConfig {
		return checkpoint.Malformed("%s beside it is too long", filepath.Base(name))
	}
	s := &settings{}
	if err := json.Unmarshal(text, s); err != nil {
		return checkpoint.Malformed("%s beside it cannot be read: %v", filepath.Base(name), err)
	}
	for n := unet; n <= text2; n++ {
		m.settings[n] = s
	}
	return s.check()
}

// fromDiffusers reads settings whose names begin with that of a network:
// "unet.lora_alpha".
func (m *metadata) fromDiffusers(text []byte) error {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(text, &all); err != nil {
		return checkpoint.Malformed("the metadata's lora_adapter_metadata cannot be read: %v", err)
	}
	for prefix, n := range map[string]network{"unet.": unet, "transformer.": unet, "text_encoder.": textAny, "text_encoder_2.": text2} {
		own := map[string]json.RawMessage{}
		for k, v := range all {
			if name, in := strings.CutPrefix(k, prefix); in {
				own[name] = v
			}
		}
		if len(own) == 0 {
			continue
		}
		b, err := json.Marshal(own)
		if err != nil {
			return err
		}
		s := &settings{}
		if err := json.NewDecoder(bytes.NewReader(b)).Decode(s); err != nil {
			return checkpoint.Malformed("the metadata's lora_adapter_metadata cannot be read: %v", err)
		}
		if err := s.check(); err != nil {
			return err
		}
		m.settings[n] = s
	}
	return nil
}

// check returns an error if LoRAs of these settings are not what is read here.
func (s *settings) check() error {
	switch {
	case s.Type != "" && s.Type != "LORA":
		return checkpoint.Malformed("an adapter of PEFT's kind %s, which is not read", checkpoint.Short(s.Type))
	case s.DoRA:
		return checkpoint.Malformed("a DoRA by PEFT's settings: what it adds depends on the model")
	case s.Transposed:
		return checkpoint.Malformed("a LoRA of transposed weights by PEFT's settings (fan_in_fan_out), which no Stable Diffusion has")
	}
	return nil
}

// scale returns alpha / rank of a change that has no alpha of its own: by the
// settings, and otherwise 1.
func (m *metadata) scale(c *change) float64 {
	s := m.settings[c.path.network]
	if s == nil || s.Alpha == nil {
		return 1
	}
	a := *s.Alpha
	for pattern, v := range s.AlphaPattern {
		if s.matches(pattern, c.path.name) {
			a = v
		}
	}
	if s.RankStable {
		return a / math.Sqrt(float64(c.rank))
	}
	return a / float64(c.rank)
}

// matches reports whether a module's name is one that the pattern means: a
// regular expression for its end.
func (s *settings) matches(pattern, name string) bool {
	r, err := regexp.Compile(`(^|.*\.)(` + pattern + `)$`)
	return err == nil && r.MatchString(name)
}
