// What a program can learn of itself, and starting itself by that.
package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"
)

func main() {
	if len(os.Args) > 1 {
		fmt.Println("child", os.Args[1])
		os.Exit(3)
	}
	path, err := os.Executable()
	fmt.Println(path, err)
	link, _ := os.Readlink("/proc/self/exe")
	fmt.Println(link == path)
	child := exec.Command(path, "by its path")
	child.Stdout = os.Stdout
	fmt.Println(child.Run())
	child = exec.Command("/proc/self/exe", "by its link")
	child.Stdout = os.Stdout
	fmt.Println(child.Run())
	var group sync.WaitGroup
	sums := make([]int, 8)
	for i := range sums {
		group.Add(1)
		go func(i int) { defer group.Done(); sums[i] = i * i }(i)
	}
	group.Wait()
	fmt.Println(sums)
	listener, _ := net.Listen("tcp", "127.0.0.1:0")
	go net.Dial("tcp", listener.Addr().String())
	_, err = listener.Accept()
	fmt.Println("accepted", err)
	syscall.Exec(path, []string{path, "by exec"}, os.Environ())
}
