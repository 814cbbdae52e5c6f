module repmlp

go 1.26.0

require (
	github.com/edsrzf/mmap-go v1.2.0
	github.com/google/renameio/v2 v2.0.2
	github.com/x448/float16 v0.8.4
	google.golang.org/protobuf v1.36.12
)

require golang.org/x/sys v0.49.0 // indirect
