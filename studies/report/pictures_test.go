package report_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

var pictures = flag.String("pictures", "", "write pictures of the article's report into this `folder`")

// mostPicture is how large a picture of the documentation may be, in bytes.
const mostPicture = 300 << 10

// TestPictures takes pictures of the report of the article's recipe, for the
// documentation: make pictures.
func TestPictures(t *testing.T) {
	if *pictures == "" {
		t.Skip("make pictures writes them")
	}
	ctx := newBrowser(t)
	path, _ := articlePage(t)
	for _, shot := range []struct {
		name, medium, theme, at, choice string
		width, height                   int64
		scale                           float64
		phone                           bool
	}{
		{"report-desktop", "screen", "light", "", "", 1100, 1000, 1, false},
		{"report-dark", "screen", "dark", "#weights", "", 1100, 1000, 1, false},
		{"report-phone", "screen", "light", "#map", "weight of dreamshaper_6NoVae", 390, 780, 1.5, true},
		{"report-print", "print", "light", "", "explained", 794, 1123, 1, false},
	} {
		options := []chromedp.EmulateViewportOption{chromedp.EmulateScale(shot.scale)}
		if shot.phone {
			options = append(options, chromedp.EmulateMobile)
		}
		media(t, ctx, shot.medium, shot.theme)
		do(t, ctx, chromedp.EmulateViewport(shot.width, shot.height, options...), chromedp.Navigate(fileURL(path)))
		if shot.choice != "" {
			eval[bool](t, ctx, fmt.Sprintf(`(function (c) {
				c.value = [...c.options].find(function (o) { return o.textContent === %q }).value;
				return c.dispatchEvent(new Event("change"));
			})(document.getElementById("choice"))`, shot.choice))
		}
		if shot.medium == "print" { // the margins that a printer leaves
			eval[string](t, ctx, `document.body.style.padding = "12mm"`)
		}
		if shot.at != "" {
			eval[int](t, ctx, `document.querySelector("`+shot.at+`").scrollIntoView(); 0`)
		}
		image := screenshot(t, ctx)
		if len(image) > mostPicture {
			t.Errorf("%s: %d bytes", shot.name, len(image))
		}
		if err := os.WriteFile(filepath.Join(*pictures, shot.name+".png"), image, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func screenshot(t *testing.T, ctx context.Context) []byte {
	t.Helper()
	return call(t, ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{}).Data
}
