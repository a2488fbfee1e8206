# Tests of its own, two of which fail.
import unittest


def middle(items):
    return sorted(items)[len(items) // 2]


class MiddleTest(unittest.TestCase):
    def test_odd(self):
        self.assertEqual(middle([3, 1, 2]), 2)

    def test_even(self):
        self.assertEqual(middle([1, 2, 3, 4]), 2.5)

    def test_empty(self):
        self.assertIsNone(middle([]))


unittest.main()
