// Package ci holds what pipelines run; its tests run it as they do.
package ci
