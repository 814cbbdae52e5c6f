package onnxio

import (
	"reflect"
	"testing"
)

// Nothing that is reached from a Model has a field that a caller could change.
func TestNothingOfAModelIsExported(t *testing.T) {
	seen := map[reflect.Type]bool{}
	var look func(at reflect.Type)
	look = func(at reflect.Type) {
		for at.Kind() == reflect.Slice {
			at = at.Elem()
		}
		if at.Kind() != reflect.Pointer || at.Elem().Kind() != reflect.Struct || seen[at] {
			return // values are copied
		}
		seen[at] = true
		for i := range at.Elem().NumField() {
			if f := at.Elem().Field(i); f.IsExported() {
				t.Errorf("%s has the field %s", at, f.Name)
			}
		}
		for i := range at.NumMethod() {
			for k := range at.Method(i).Type.NumOut() {
				if out := at.Method(i).Type.Out(k); out != at && out != reflect.TypeFor[*Modified]() {
					look(out)
				}
			}
		}
	}
	look(reflect.TypeFor[*Model]())
	for _, want := range []reflect.Type{reflect.TypeFor[*Tensor](), reflect.TypeFor[*Attr](), reflect.TypeFor[*Function]()} {
		if !seen[want] {
			t.Errorf("%s was not looked at", want)
		}
	}
}
