package fingerprint

import (
	"strings"
	"unicode"
)

// Where files tell of their licence and of the page where they can be had: Stability
// AI's ModelSpec (https://github.com/Stability-AI/ModelSpec) has the first of the
// former and none of the latter, for which programs have names of their own.
var (
	licenceKeys = []string{"modelspec.license", "license", "licence", "license_name"}
	pageKeys    = []string{"modelspec.source", "modelspec.source_url", "source_url", "source", "homepage", "url"}
)

// maxLicence is how much of a licence is kept: its name or address is, its terms, which
// may be there in full, are not.
const maxLicence = 200

// Describe fills in what is not known yet and the metadata of the model's file tell:
// licence and page. Only what is an address on the web is taken for a page.
func (c *Card) Describe(metadata map[string]string) {
	for _, key := range licenceKeys {
		if c.Licence == "" {
			c.Licence = firstLine(metadata[key])
		}
	}
	for _, key := range pageKeys {
		v := strings.TrimSpace(metadata[key])
		if c.Page == "" && (strings.HasPrefix(v, "https://") || strings.HasPrefix(v, "http://")) && !strings.ContainsFunc(v, func(r rune) bool { return r == ' ' || unicode.IsControl(r) }) && len(v) <= 2000 {
			c.Page = v
		}
	}
}

// firstLine returns the first line of text, up to the first sign that is none to be shown, or as many whole signs of it as are kept.
func firstLine(text string) string {
	line := strings.TrimSpace(text)
	if end := strings.IndexFunc(line, unicode.IsControl); end >= 0 {
		line = strings.TrimSpace(line[:end])
	}
	if len(line) <= maxLicence {
		return line
	}
	end := 0
	for i := range line {
		if i > maxLicence {
			break
		}
		end = i
	}
	return line[:end] + " ..."
}
