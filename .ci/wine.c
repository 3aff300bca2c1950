/* What Go asks of Windows 10's bcryptprimitives.dll and Debian's Wine lacks. */
#include <windows.h>
#include <ntsecapi.h>

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE bytes, SIZE_T n)
{
    return SystemFunction036(bytes, (ULONG)n); /* RtlGenRandom */
}
