"""What tests with the fixtures of conftest.py look like."""


def test_answers(board):
    assert board["RENTABOT_ENDPOINT"].startswith("ssh://")


def test_is_the_same_board(board, staging):
    assert board["RENTABOT_RESOURCE"].startswith("board-")
    assert staging["RENTABOT_RESOURCE"] == "staging"
