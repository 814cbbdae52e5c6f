package p

func branch(xs []int) int {
	sum := 0
outer:
	for _, x := range xs {
		if x == 0 {
			continue
		}
		if x < 0 {
			break
		}
		for k := range x {
			if k == 7 {
				continue outer
			}
		}
		switch {
		case x == 3:
			break
		}
		sum += x
	}
	switch {
	case sum == 3:
		break
	}
	return sum
}
