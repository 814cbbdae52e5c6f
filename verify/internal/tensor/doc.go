// Package tensor holds dense arrays, and what their shapes and numbers need.
package tensor
