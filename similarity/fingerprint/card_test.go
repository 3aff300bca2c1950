package fingerprint

import (
	"strings"
	"testing"
)

func TestDescribe(t *testing.T) {
	long := strings.Repeat("日本", 100)
	for _, c := range []struct {
		metadata map[string]string
		card     Card // before
		want     Card
	}{
		{want: Card{}},
		{metadata: map[string]string{"modelspec.license": "CreativeML Open RAIL-M", "license": "other", "modelspec.title": "x"}, want: Card{Licence: "CreativeML Open RAIL-M"}},
		{metadata: map[string]string{"license": " MIT \n\nPermission is hereby granted"}, want: Card{Licence: "MIT"}},
		{metadata: map[string]string{"license": "MIT"}, card: Card{Licence: "CC0", Page: "p"}, want: Card{Licence: "CC0", Page: "p"}},
		{metadata: map[string]string{"license": long}, want: Card{Licence: long[:198] + " ..."}},
		{metadata: map[string]string{"modelspec.source": "my disk", "source_url": "https://example.org/a?b=c"}, want: Card{Page: "https://example.org/a?b=c"}},
		{metadata: map[string]string{"url": "javascript:alert(1)", "homepage": "https://a b"}, want: Card{}},
	} {
		c.card.Describe(c.metadata)
		if c.card != c.want {
			t.Errorf("%v: got %+v, want %+v", c.metadata, c.card, c.want)
		}
	}
}
