// OpenBLAS (C interface to BLAS) and the two LAPACK routines we call.
#include <cblas-openblas.h>

// LAPACK, Fortran calling convention: every argument by reference, column-major storage.
void dpotrf_(const char *uplo, const int *n, double *a, const int *lda, int *info);
void dtrtri_(const char *uplo, const char *diag, const int *n, double *a, const int *lda, int *info);
void dsyevd_(const char *jobz, const char *uplo, const int *n, double *a, const int *lda, double *w,
             double *work, const int *lwork, int *iwork, const int *liwork, int *info);
