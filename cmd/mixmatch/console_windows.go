package main

import (
	"syscall"
	"unsafe"
)

// ownConsole reports whether this program is alone in its console, which was made for
// it and closes when it ends (GetConsoleProcessList, wincon.h).
func ownConsole() bool {
	var ids [2]uint32
	list := syscall.NewLazyDLL("kernel32.dll").NewProc("GetConsoleProcessList")
	if list.Find() != nil {
		return false
	}
	n, _, _ := list.Call(uintptr(unsafe.Pointer(&ids[0])), uintptr(len(ids)))
	return n == 1
}
