package exchange_test

import (
	"encoding/json"
	"testing"

	"mixmatch/merge/block"
	"mixmatch/merge/exchange"
)

func TestMetadata(t *testing.T) {
	hashes := map[string]exchange.Model{
		"A": {SHA256: "aaaa", Legacy: "a1"}, `B "quoted"`: {SHA256: "bbbb", Legacy: "b1"}, "C": {SHA256: "cccc", Legacy: "c1"},
	}
	l, err := block.For(block.SDXL, block.SM2025)
	if err != nil {
		t.Fatal(err)
	}
	once, err := exchange.Metadata("A x 0.5 + B x 0.5 = C\n", l, hashes)
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		again, err := exchange.Metadata("A x 0.5 + B x 0.5 = C\n", l, hashes)
		if err != nil || again["sd_merge_recipe"] != once["sd_merge_recipe"] || again["sd_merge_models"] != once["sd_merge_models"] {
			t.Fatalf("another time: %v, %v", again, err)
		}
	}
	// The web UI's readers take both texts as JSON.
	var r struct {
		Type, Recipe, Arch, Era string
		Sources                 map[string]string
	}
	if err := json.Unmarshal([]byte(once["sd_merge_recipe"]), &r); err != nil {
		t.Fatal(err)
	}
	if r.Type != "mixmatch" || r.Recipe != "A x 0.5 + B x 0.5 = C\n" || r.Arch != "sdxl" || r.Era != "sm2025-10" || r.Sources[`B "quoted"`] != "bbbb" {
		t.Errorf("%+v", r)
	}
	var models map[string]map[string]string
	if err := json.Unmarshal([]byte(once["sd_merge_models"]), &models); err != nil {
		t.Fatal(err)
	}
	if models["cccc"]["name"] != "C" || models["cccc"]["legacy_hash"] != "c1" || len(models) != 3 {
		t.Errorf("%v", models)
	}
}
