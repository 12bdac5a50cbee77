"""DynamoDB's expressions: text to closures.

In: the text of an expression, the names and values behind its placeholders. Out: functions on items. Nothing here
knows of tables, keys or the store.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.html
"""
