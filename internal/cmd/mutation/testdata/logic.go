package p

func logic(a, b, c bool) bool { return a && (b || c) }
