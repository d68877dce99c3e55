/** Commands that search-service had once, by the words that called them, and what to call instead. */
export const moved: Readonly<Record<string, string>> = {
  search: 'npx armature-search find',
  'search doctor': 'npx armature-search doctor',
  'things import': 'npx armature-search import',
}
