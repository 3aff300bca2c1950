package picture

import (
	"fmt"
	"strings"
)

// A role's colours, in the light and in the dark theme. Text has the contrast that WCAG
// 2.2 AA asks for, 4.5, and lines of series 3.
var roles = []struct {
	role        Paint
	light, dark string
}{
	{Ink, "#1b1f24", "#e8eaed"},
	{Soft, "#555f6a", "#a5afb9"},
	{Grid, "#cfd6dd", "#414a54"},
	{Paper, "#ffffff", "#14181d"},
	{"s1", "#0068a4", "#5bb8f0"},
	{"s2", "#b84a00", "#ff9d5c"},
	{"s3", "#007a5a", "#35cba0"},
	{"s4", "#9c3d78", "#e59cc8"},
	{"s5", "#8a6200", "#e8c44c"},
	{"s6", "#4b4b9f", "#a9a9f5"},
}

// light returns the colour of p in the light theme, "" for nothing.
func light(p Paint) string {
	for _, r := range roles {
		if r.role == p {
			return r.light
		}
	}
	return string(p)
}

// Variables returns declarations of CSS that give a page's pictures the colours of a
// theme, such as "--p-ink:#1b1f24;".
func Variables(dark bool) string {
	var b strings.Builder
	for _, r := range roles {
		color := r.light
		if dark {
			color = r.dark
		}
		fmt.Fprintf(&b, "--p-%s:%s;", r.role, color)
	}
	return b.String()
}

// Rules returns the rules of CSS for pictures within a page, which declares
// [Variables].
func Rules() string {
	return rules(func(p Paint) string { return "var(--p-" + string(p) + ")" })
}

// ownStyle is that of a picture that stands alone. Programs that know no variables, nor
// themes, show it as well.
func ownStyle() string {
	return rules(light) + "@media (prefers-color-scheme:dark){" + rules(func(p Paint) string {
		for _, r := range roles {
			if r.role == p {
				return r.dark
			}
		}
		return ""
	}) + "}"
}

func rules(color func(Paint) string) string {
	var b strings.Builder
	for _, r := range roles {
		fmt.Fprintf(&b, ".f-%[1]s{fill:%[2]s}.l-%[1]s{stroke:%[2]s}", r.role, color(r.role))
	}
	return b.String()
}
