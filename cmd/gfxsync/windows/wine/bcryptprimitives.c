// bcryptprimitives.dll for Wine before 8.14, which lacks it: Go programs take their randomness from its one function.
//
//	x86_64-w64-mingw32-gcc -shared -o bcryptprimitives.dll bcryptprimitives.c -ladvapi32

#include <windows.h>

// RtlGenRandom, by the name under which advapi32 exports it.
BOOLEAN WINAPI SystemFunction036(PVOID buffer, ULONG length);

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE buffer, SIZE_T length)
{
	while (length > 0) {
		ULONG part = length < 0x10000 ? (ULONG)length : 0x10000;
		if (!SystemFunction036(buffer, part))
			return FALSE;
		buffer += part;
		length -= part;
	}
	return TRUE;
}
