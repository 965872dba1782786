/** Labels as people write them in one field, between semicolons or commas of either language. */
export function groupsOf(text: string): string[] {
  return text.split(/[;；,，]/).flatMap((group) => group.trim() || [])
}
