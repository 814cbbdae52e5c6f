package parallel

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
)

// Every call is made once, no more than asked for at a time.
func TestEach(t *testing.T) {
	var calls [1000]atomic.Int32
	var now atomic.Int32
	err := on(3, len(calls), func(i int) error {
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
		err := on(workers, 100, func(i int) error {
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

// Every call is made once, from both ends.
func TestEnds(t *testing.T) {
	for _, n := range []int{0, 1, 2, 3, 100} {
		calls := make([]atomic.Int32, n)
		if err := Ends(n, func(i int) error { calls[i].Add(1); return nil }); err != nil {
			t.Fatal(err)
		}
		for i := range calls {
			if c := calls[i].Load(); c != 1 {
				t.Errorf("call %d of %d was made %d times", i, n, c)
			}
		}
	}
	both := make(chan int)
	err := Ends(2, func(i int) error {
		select {
		case both <- i:
		case <-both:
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// The error is that of the smallest index, though the other end fails first.
func TestSmallestEndFails(t *testing.T) {
	failed := make(chan struct{})
	err := Ends(100, func(i int) error {
		switch i {
		case 0:
			<-failed
		case 97:
			close(failed)
			return errors.New("97")
		case 30:
			return errors.New("30")
		}
		return nil
	})
	if fmt.Sprint(err) != "30" {
		t.Errorf("the error is %v", err)
	}
}
