/** The vectors that the audio stage gives to segments of sound; analysis/embedding.ts says what they are made of. */
export const AUDIO_SPACE = { id: 'sound-statistics@1', dimensions: 104 } as const;
