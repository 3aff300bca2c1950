//go:build !amd64 || purego

package vec

import "testing"

func everyKernel(t *testing.T, test func(t *testing.T)) { t.Run("Go", test) }
