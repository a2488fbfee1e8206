/** Whether a subject is one of those that a NATS wildcard stands for. */
export const subjectMatches = (pattern: string, subject: string): boolean => {
  const wanted = pattern.split('.');
  const parts = subject.split('.');
  for (const [index, token] of wanted.entries()) {
    if (token === '>') return parts.length > index;
    if (token !== '*' && token !== parts[index]) return false;
  }
  return wanted.length === parts.length;
};
