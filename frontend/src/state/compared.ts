/** Respondents that are compared at once, as `board/comparison.py` has it. */
export const MOST = 8;
