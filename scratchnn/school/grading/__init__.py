"""Grading a class: who handed in what, hidden problems, points and feedback, and a report of all of it."""

from .course import Course, grade
from .one import Result

__all__ = ["Course", "Result", "grade"]
