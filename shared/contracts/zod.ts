import type { z } from 'zod';

/** One line a problem, each naming the field: `metadata.title: Too small`. */
export function formatZodError(error: z.ZodError): string {
  return error.issues.map((issue) => `${issue.path.join('.') || '(root)'}: ${issue.message}`).join('; ');
}
