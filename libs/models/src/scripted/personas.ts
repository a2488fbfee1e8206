/** Models that are a script: what each of them does, whatever it is asked. */
export const scriptedPersonas = ['benign', 'replicator', 'manipulator', 'intruder', 'deceiver', 'flaky'] as const;
export type ScriptedPersona = (typeof scriptedPersonas)[number];
