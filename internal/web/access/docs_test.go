package access

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every key of the section and every reason of the metric stands in docs/access.md.
func TestDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../docs/access.md")
	require.NoError(t, err)
	keys := 0
	var walk func(reflect.Type)
	walk = func(typ reflect.Type) {
		for typ.Kind() == reflect.Slice || typ.Kind() == reflect.Pointer {
			typ = typ.Elem()
		}
		if typ.Kind() != reflect.Struct {
			return
		}
		for i := range typ.NumField() {
			name, _, _ := strings.Cut(typ.Field(i).Tag.Get("yaml"), ",")
			if name != "" {
				keys++
				require.Regexp(t, "`"+name+"`|(?m)^ *(- )?"+name+":", string(page))
			}
			walk(typ.Field(i).Type)
		}
	}
	walk(reflect.TypeFor[Config]())
	require.Greater(t, keys, 20)
	for r := ReasonNone; r < reasons; r++ {
		require.Contains(t, string(page), "`"+r.String()+"`")
	}
	for _, s := range Scopes() {
		require.Contains(t, string(page), "| `"+s.String()+"` |")
	}
}
