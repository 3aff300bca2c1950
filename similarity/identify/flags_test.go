package identify

import "flag"

var (
	scale = flag.Bool("scale", false, "measure libraries of -records, and print the table of docs/scale.md")
	sizes = flag.String("records", "10000,100000", "how many records the libraries have")
	mixes = flag.Int("n", 0, "mixes a row; 0: few")
)
