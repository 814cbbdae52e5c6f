package parallel

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
)

// Every call is made once, no more than asked for at a time.
func TestOn(t *testing.T) {
	var calls [1000]atomic.Int32
	var now atomic.Int32
	err := On(3, len(calls), func(i int) error {
		if n := now.Add(1); n > 3 {
			t.Errorf("%d calls at a time", n)
		}
		calls[i].Add(1)
		now.Add(-1)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range calls {
		if n := calls[i].Load(); n != 1 {
			t.Errorf("call %d was made %d times", i, n)
		}
	}
}

// The error is that of the smallest index, whichever fails first.
func TestSmallestIndexFails(t *testing.T) {
	late := make(chan struct{})
	for _, workers := range []int{1, 2, 8} {
		err := On(workers, 100, func(i int) error {
			switch {
			case i == 10 && workers > 1:
				<-late
				return errors.New("10")
			case i == 11:
				late <- struct{}{}
				return errors.New("11")
			case i == 10:
				return errors.New("10")
			}
			return nil
		})
		if fmt.Sprint(err) != "10" {
			t.Errorf("with %d workers the error is %v", workers, err)
		}
	}
}
