package ops

import (
	"fmt"
	"strconv"
	"strings"
	"sync"

	"repmlp/onnxio"
)

// parsed is the table by name, all forms of an operator oldest first. It is read once.
var parsed = sync.OnceValue(func() map[string][]*Operator { return parse(table) })

func parse(table string) map[string][]*Operator {
	all := map[string][]*Operator{}
	for line := range strings.Lines(table) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "|")
		if len(f) != 6 {
			panic(fmt.Sprintf("ops: the table has the line %q", line))
		}
		vars := map[string]Types{}
		for _, v := range strings.Fields(f[4]) {
			name, types, _ := strings.Cut(v, "=")
			vars[name] = typesOf(types)
		}
		in, out, attrs := params(f[2], vars), params(f[3], vars), attributes(f[5])
		for since := range strings.SplitSeq(f[1], ",") {
			o := &Operator{Name: f[0], In: in, Out: out, Attrs: attrs}
			since, o.Deprecated = strings.CutSuffix(since, "-")
			o.Since = number(since)
			all[o.Name] = append(all[o.Name], o)
		}
	}
	for _, forms := range all {
		for _, o := range forms {
			o.family = forms
		}
	}
	return all
}

func params(text string, vars map[string]Types) []Param {
	var list []Param
	for _, s := range strings.Fields(text) {
		var p Param
		if name, least, ok := strings.Cut(s, "*"); ok {
			s, p.Variadic, p.Least = name, true, int(number(least))
		} else if name, least, ok := strings.Cut(s, "~"); ok {
			s, p.Variadic, p.Free, p.Least = name, true, true, int(number(least))
		}
		s, p.Optional = strings.CutSuffix(s, "?")
		if types, fixed := strings.CutPrefix(s, "'"); fixed {
			p.Types = typesOf(types)
		} else {
			p.Var, p.Types = s, vars[s]
		}
		list = append(list, p)
	}
	return list
}

// attrTypes stand for the types of attributes in the table; those without a name in
// onnxio are sparse tensors and types.
var attrTypes = map[string]onnxio.AttrType{
	"i": onnxio.AttrInt, "I": onnxio.AttrInts, "f": onnxio.AttrFloat, "F": onnxio.AttrFloats, "s": onnxio.AttrString,
	"S": onnxio.AttrStrings, "g": onnxio.AttrGraph, "t": onnxio.AttrTensor, "x": 11, "p": 13,
}

func attributes(text string) []Attr {
	var list []Attr
	for _, s := range strings.Fields(text) {
		s, def, has := strings.Cut(s, "=")
		s, required := strings.CutSuffix(s, "!")
		name, letter, _ := strings.Cut(s, ":")
		a := Attr{Name: name, Type: attrTypes[letter], Required: required}
		if a.Type == 0 {
			panic(fmt.Sprintf("ops: the table has the attribute %q", s))
		}
		if has {
			a.Default = &Default{Text: def}
			switch a.Type {
			case onnxio.AttrInt:
				a.Default.I = number(def)
			case onnxio.AttrFloat:
				f, err := strconv.ParseFloat(def, 32)
				if err != nil {
					panic("ops: the table has a bad number: " + err.Error())
				}
				a.Default.F, a.Default.I = float32(f), int64(f)
			}
		}
		list = append(list, a)
	}
	return list
}

func number(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		panic("ops: the table has a bad number: " + err.Error())
	}
	return n
}
