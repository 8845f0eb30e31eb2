/* Peer of the suffix array kernel: libdivsufsort over the bytes of a file, of which each WIDTH make one token, most
 * significant first. Suffixes that begin within a token are sorted, too, and left out afterwards: the library knows
 * bytes only. Prints the least CPU time of ROUNDS rounds in seconds, and how many suffixes are left.
 *
 *   cc -O2 suffix-sort-peer.c -ldivsufsort -o peer && ./peer FILE WIDTH ROUNDS */
#include <divsufsort.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  FILE *file = fopen(argv[1], "rb");
  int width = atoi(argv[2]), rounds = atoi(argv[3]);
  if (!file || width < 1) return 2;
  fseek(file, 0, SEEK_END);
  long size = ftell(file);
  rewind(file);
  unsigned char *text = malloc(size);
  saidx_t *suffixes = malloc(size * sizeof(saidx_t));
  if (!text || !suffixes || fread(text, 1, size, file) != (size_t)size) return 1;
  double best = 0;
  long kept = 0;
  for (int round = 0; round < rounds; round++) {
    clock_t start = clock();
    if (divsufsort(text, suffixes, (saidx_t)size) != 0) return 1;
    kept = 0;
    for (long i = 0; i < size; i++)
      if (suffixes[i] % width == 0) suffixes[kept++] = suffixes[i] / width;
    double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    if (round == 0 || seconds < best) best = seconds;
  }
  printf("%f %ld\n", best, kept);
  return 0;
}
