// Package stored multiplies with weights where they lie in their file.
package stored
