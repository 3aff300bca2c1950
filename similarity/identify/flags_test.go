package identify

import "flag"

var (
	scale  = flag.Bool("scale", false, "measure libraries of -records, and print the table of docs/scale.md")
	sizes  = flag.String("records", "10000,100000", "how many records the libraries have")
	folder = flag.Bool("folder", false, "with -scale: keep the libraries in folders, 450 KB a record")
	mixes  = flag.Int("n", 0, "mixes a row; 0: few")
)
