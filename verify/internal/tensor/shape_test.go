package tensor

import (
	"fmt"
	"slices"
	"testing"
)

// Indices come in row-major order, with the offsets that strides give.
func TestOrders(t *testing.T) {
	shape := []int{2, 1, 3}
	var have []string
	EachIndex(shape, func(i int, idx []int) { have = append(have, fmt.Sprint(i, idx)) })
	if want := []string{"0 [0 0 0]", "1 [0 0 1]", "2 [0 0 2]", "3 [1 0 0]", "4 [1 0 1]", "5 [1 0 2]"}; !slices.Equal(have, want) {
		t.Errorf("%q, want %q", have, want)
	}
	if s := Strides(shape); !slices.Equal(s, []int{3, 3, 1}) {
		t.Errorf("strides %v", s)
	}
	var offsets []int
	Walk(shape, []int{1, 0, 2}, func(i, off int) {
		if i != len(offsets) {
			t.Errorf("%d comes as number %d", i, len(offsets))
		}
		offsets = append(offsets, off)
	})
	if !slices.Equal(offsets, []int{0, 2, 4, 1, 3, 5}) {
		t.Errorf("turned, offsets are %v", offsets)
	}
	n := 0
	EachIndex(nil, func(int, []int) { n++ })
	Walk(nil, nil, func(int, int) { n++ })
	Walk([]int{2, 0}, []int{1, 1}, func(int, int) { n += 10 })
	if n != 2 {
		t.Errorf("a number has one element, nothing has none: %d", n)
	}
}

// Shapes meet at their last axes, where one of them may be one.
func TestBroadcast(t *testing.T) {
	for _, c := range []struct{ a, b, want, strides []int }{
		{[]int{2, 3}, []int{2, 3}, []int{2, 3}, []int{3, 1}},
		{[]int{3}, []int{2, 3}, []int{2, 3}, []int{0, 1}},
		{[]int{2, 1}, []int{1, 3}, []int{2, 3}, []int{1, 0}},
		{nil, []int{2}, []int{2}, []int{0}},
		{[]int{0}, []int{1}, []int{0}, []int{1}},
		{[]int{2}, []int{3}, nil, nil},
	} {
		have, err := Broadcast(c.a, c.b)
		if (err != nil) != (c.want == nil) || err == nil && !slices.Equal(have, c.want) {
			t.Errorf("%v and %v: %v, %v", c.a, c.b, have, err)
		}
		if err == nil {
			if s := Spread(c.a, have); !slices.Equal(s, c.strides) {
				t.Errorf("%v as %v: strides %v, want %v", c.a, have, s, c.strides)
			}
		}
	}
}

// Axes count from either end.
func TestAxisOf(t *testing.T) {
	for a, want := range map[int64]int{0: 0, 2: 2, -1: 2, -3: 0, 3: -1, -4: -1} {
		have, err := AxisOf(a, 3)
		if (err != nil) != (want < 0) || err == nil && have != want {
			t.Errorf("axis %d of 3: %d, %v", a, have, err)
		}
	}
	if !TooLarge([]int{1 << 20, 1 << 20, 1 << 20}) || TooLarge([]int64{1 << 20, 0}) || TooLarge([]int{3, 4}) {
		t.Error("which shapes are too large")
	}
	if v := Ints64([]int{3, -1}); !slices.Equal(v, []int64{3, -1}) || !slices.Equal(ToInts(v), []int{3, -1}) || Count([]int{3, 4}) != 12 {
		t.Errorf("%v", v)
	}
}
