package shelf

import (
	"path/filepath"
	"slices"
	"strings"

	"mixmatch/merge/checkpoint/folder"
)

// never are the endings of files that people have beside their models, of downloads
// that are not finished, and of libraries of fingerprints.
var never = strings.Fields(`
	.part .partial .crdownload .download .tmp .temp .aria2 .incomplete .!qb
	.txt .md .json .jsonl .yaml .yml .toml .ini .cfg .csv .tsv .log .xml .html .htm .info .sha256 .md5
	.png .jpg .jpeg .webp .gif .bmp .avif .mp4 .webm .py .url .lnk .bak
	.mml .mmi`)

// MayBe reports whether a file of that name may be a model: whether it is not
// hidden, and no text, picture or unfinished download by its ending, but for an index
// of shards. What it is, its content tells.
func MayBe(name string) bool {
	if folder.IsIndex(name) {
		return !hidden(name)
	}
	return !hidden(name) && !slices.Contains(never, strings.ToLower(filepath.Ext(name))) && !strings.Contains(name, ".tmp-")
}

func hidden(name string) bool { return strings.HasPrefix(name, ".") }
