// The tour (../README.md): what a program does with WASI, through Go's standard library. Too large to be committed built.
package main

import (
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"time"
)

func main() {
	if method := os.Getenv("REQUEST_METHOD"); method != "" {
		fmt.Printf("content-type: text/plain\n\n%s %s %s\n", method, os.Getenv("PATH_INFO"), os.Getenv("QUERY_STRING"))
		copyInput()
		return
	}
	for _, argument := range os.Args[1:] {
		fmt.Println("argument:", argument)
	}
	fmt.Println("GREETING:", os.Getenv("GREETING"))
	copyInput()
	fmt.Fprintln(os.Stderr, "to stderr")
	useFiles()
	random := make([]byte, 16)
	if _, err := rand.Read(random); err == nil && [16]byte(random) != [16]byte{} {
		fmt.Println("random: ok")
	}
	if time.Now().Unix() > 1600000000 {
		fmt.Println("clock: ok")
	}
	os.Exit(3)
}

func copyInput() {
	_, err := io.Copy(os.Stdout, os.Stdin)
	check(err)
}

func useFiles() {
	text, err := os.ReadFile("/data/input.txt")
	check(err)
	fmt.Println("read:", string(text))
	check(os.WriteFile("/data/output.txt", []byte("written"), 0o644))
	entries, err := os.ReadDir("/data")
	check(err)
	for _, entry := range entries {
		fmt.Println("file:", entry.Name())
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
