# The static command alone: docker build -t repmlp . && docker run --rm --read-only --user "$(id -u):$(id -g)" -v "$PWD:/models" repmlp convert model.onnx -o deploy.onnx
FROM golang:1.26 AS build
WORKDIR /src
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o /repmlp ./cmd/repmlp

FROM scratch
COPY --from=build /repmlp /repmlp
USER 65532:65532
WORKDIR /models
ENTRYPOINT ["/repmlp"]
