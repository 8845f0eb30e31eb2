import type { ArtifactErrorCode } from './types.ts';

export class ArtifactError extends Error {
  override name = 'ArtifactError';
  readonly code: ArtifactErrorCode;
  constructor(code: ArtifactErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
