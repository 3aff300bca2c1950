package demo_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"mixmatch/studies/demo"
)

func ExampleWrite() {
	dir, err := os.MkdirTemp("", "demo")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)

	p, err := demo.Write(context.Background(), dir, demo.Family{Div: 80}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	id, _ := p.Layout().Index("OUT04")
	fmt.Println(filepath.Base(p.Target))
	for _, s := range p.Sources {
		if w := p.Weight(id, s.Name); w != 0 {
			fmt.Printf("%-34s %.4f\n", s.Name, w)
		}
	}
	// Output:
	// BlessingMix_V1.safetensors
	// OpenBra                            0.8550
	// OpenBra1.1                         0.1400
	// Evt_V4_e04_ema                     0.0684
	// diamondcoalmix_diamondcoalv2pruned 0.1305
	// epicrealism_newAge                 0.1000
	// sxd_10Pruned                       0.1800
}
